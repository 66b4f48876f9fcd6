package dev.squall.jobs;

import java.util.Arrays;
import org.apache.flink.api.common.typeinfo.TypeInformation;
import org.apache.flink.connector.kafka.sink.KafkaRecordSerializationSchema;
import org.apache.flink.connector.kafka.source.reader.deserializer.KafkaRecordDeserializationSchema;
import org.apache.flink.kafka.shaded.org.apache.kafka.clients.consumer.ConsumerRecord;
import org.apache.flink.kafka.shaded.org.apache.kafka.clients.producer.ProducerRecord;
import org.apache.flink.kafka.shaded.org.apache.kafka.common.header.Header;
import org.apache.flink.util.Collector;

/** Key, value and identity header of a record, and where it was read. Public fields, so that Flink serialises it as a POJO. */
public class KafkaRecord {
  public byte[] key;
  public byte[] value;
  public byte[] identity;
  public int partition;
  public long offset;

  int keyHash() {
    return Arrays.hashCode(key);
  }

  /** From Kafka. */
  static final class Reader implements KafkaRecordDeserializationSchema<KafkaRecord> {
    @Override
    public void deserialize(ConsumerRecord<byte[], byte[]> from, Collector<KafkaRecord> out) {
      KafkaRecord record = new KafkaRecord();
      record.key = from.key();
      record.value = from.value();
      record.partition = from.partition();
      record.offset = from.offset();
      Header header = from.headers().lastHeader("squall");
      record.identity = header == null ? null : header.value();
      out.collect(record);
    }

    @Override
    public TypeInformation<KafkaRecord> getProducedType() {
      return TypeInformation.of(KafkaRecord.class);
    }
  }

  /** To Kafka. */
  static final class Writer implements KafkaRecordSerializationSchema<KafkaRecord> {
    private final String topic;

    Writer(String topic) {
      this.topic = topic;
    }

    @Override
    public ProducerRecord<byte[], byte[]> serialize(KafkaRecord record, KafkaSinkContext context, Long timestamp) {
      ProducerRecord<byte[], byte[]> to = new ProducerRecord<>(topic, record.key, record.value);
      if (record.identity != null) {
        to.headers().add("squall", record.identity);
      }
      return to;
    }
  }
}
