package dev.squall.jobs;

import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Properties;
import java.util.zip.CRC32;
import org.apache.flink.kafka.shaded.org.apache.kafka.clients.consumer.ConsumerRecord;
import org.apache.flink.kafka.shaded.org.apache.kafka.clients.consumer.KafkaConsumer;
import org.apache.flink.kafka.shaded.org.apache.kafka.common.PartitionInfo;
import org.apache.flink.kafka.shaded.org.apache.kafka.common.TopicPartition;
import org.apache.flink.kafka.shaded.org.apache.kafka.common.header.Header;
import org.apache.flink.kafka.shaded.org.apache.kafka.common.serialization.ByteArrayDeserializer;

/**
 * Compares an input topic with a sink topic by maps of whole records, with Kafka's own client: what squall's verdict is held against.
 * Shares nothing with squall but the layout of the identity (src/traffic/identity.rs).
 *
 * <p>Arguments: {@code HOST:PORT INPUT SINK}. Prints one line of JSON.
 */
public final class Oracle {
  private Oracle() {}

  /** A record, read. */
  private static final class Row {
    String name;
    int inputPartition;
    long sequence;
    boolean whole;
    String key;
    int partition;
  }

  /** Reads and compares. */
  public static void main(String[] args) {
    List<Row> input = read(args[0], args[1]);
    List<Row> sink = read(args[0], args[2]);
    Map<String, Integer> sent = new HashMap<>();
    Map<String, Integer> seen = new HashMap<>();
    Map<String, Long> last = new HashMap<>();
    long unidentified = 0;
    long corrupt = 0;
    long reordered = 0;
    for (Row row : input) {
      sent.merge(row.name, 1, Integer::sum);
    }
    for (Row row : sink) {
      if (row.name == null) {
        unidentified++;
        continue;
      }
      corrupt += row.whole ? 0 : 1;
      if (seen.merge(row.name, 1, Integer::sum) == 1) {
        String scope = row.inputPartition + " " + row.partition + " " + row.key;
        if (last.getOrDefault(scope, -1L) > row.sequence) {
          reordered++;
        }
        last.merge(scope, row.sequence, Math::max);
      }
    }
    long lost = sent.keySet().stream().filter(name -> !seen.containsKey(name)).count();
    long unexpected = seen.keySet().stream().filter(name -> !sent.containsKey(name)).count();
    long duplicates = 0;
    long copies = 0;
    for (Map.Entry<String, Integer> of : seen.entrySet()) {
      int more = of.getValue() - sent.getOrDefault(of.getKey(), 0);
      if (more > 0 && sent.containsKey(of.getKey())) {
        duplicates++;
        copies += more;
      }
    }
    System.out.printf(
        "{\"in_input\":%d,\"seen\":%d,\"lost\":%d,\"duplicates\":%d,\"duplicate_copies\":%d,\"reordered\":%d,\"corrupt\":%d,"
            + "\"unexpected\":%d,\"unidentified\":%d}%n",
        sent.size(), seen.size(), lost, duplicates, copies, reordered, corrupt, unexpected, unidentified);
  }

  private static List<Row> read(String address, String topic) {
    Properties settings = new Properties();
    settings.put("bootstrap.servers", address);
    settings.put("isolation.level", "read_committed");
    settings.put("enable.auto.commit", "false");
    List<Row> rows = new ArrayList<>();
    try (KafkaConsumer<byte[], byte[]> consumer = new KafkaConsumer<>(settings, new ByteArrayDeserializer(), new ByteArrayDeserializer())) {
      List<TopicPartition> partitions = new ArrayList<>();
      for (PartitionInfo partition : consumer.partitionsFor(topic)) {
        partitions.add(new TopicPartition(topic, partition.partition()));
      }
      consumer.assign(partitions);
      consumer.seekToBeginning(partitions);
      Map<TopicPartition, Long> ends = consumer.endOffsets(partitions);
      while (ends.entrySet().stream().anyMatch(end -> consumer.position(end.getKey()) < end.getValue())) {
        for (ConsumerRecord<byte[], byte[]> record : consumer.poll(Duration.ofMillis(500))) {
          rows.add(row(record));
        }
      }
    }
    return rows;
  }

  private static Row row(ConsumerRecord<byte[], byte[]> record) {
    Row row = new Row();
    row.partition = record.partition();
    row.key = record.key() == null ? "" : new String(record.key(), StandardCharsets.ISO_8859_1);
    Header header = record.headers().lastHeader("squall");
    if (header == null) {
      return row;
    }
    ByteBuffer identity = ByteBuffer.wrap(header.value()).order(ByteOrder.LITTLE_ENDIAN);
    row.inputPartition = identity.getShort(6);
    row.sequence = identity.getLong(12);
    row.name = identity.get(3) + " " + identity.getShort(4) + " " + row.sequence;
    CRC32 checksum = new CRC32();
    if (record.key() != null) {
      checksum.update(record.key());
    }
    if (record.value() != null) {
      checksum.update(record.value());
    }
    row.whole = (int) checksum.getValue() == identity.getInt(28);
    return row;
  }
}
