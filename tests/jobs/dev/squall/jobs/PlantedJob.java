package dev.squall.jobs;

import org.apache.flink.api.common.eventtime.WatermarkStrategy;
import org.apache.flink.connector.base.DeliveryGuarantee;
import org.apache.flink.connector.kafka.sink.KafkaSink;
import org.apache.flink.connector.kafka.source.KafkaSource;
import org.apache.flink.connector.kafka.source.enumerator.initializer.OffsetsInitializer;
import org.apache.flink.kafka.shaded.org.apache.kafka.clients.consumer.OffsetResetStrategy;
import org.apache.flink.streaming.api.datastream.DataStream;
import org.apache.flink.streaming.api.environment.StreamExecutionEnvironment;
import org.apache.flink.util.ParameterTool;

/**
 * A Kafka-to-Kafka job with a defect that is known to the record, to show that squall finds it.
 *
 * <p>Arguments: {@code --source HOST:PORT --sink HOST:PORT --from TOPIC --to TOPIC --run RUN --defect NAME}, and
 * {@code --every N}, {@code --millis N}, {@code --micros N}, {@code --bytes N} where a defect needs them; {@code --diary FILE} is where each
 * deed is written down; {@code --keyed true} puts the defect behind a keyBy, {@code --transaction-timeout MILLIS} and {@code --guarantee
 * at-least-once} are the sink's.
 */
public final class PlantedJob {
  private PlantedJob() {}

  /** Submits the job. */
  public static void main(String[] args) throws Exception {
    ParameterTool settings = ParameterTool.fromArgs(args);
    StreamExecutionEnvironment environment = StreamExecutionEnvironment.getExecutionEnvironment();
    KafkaSource<KafkaRecord> source =
        KafkaSource.<KafkaRecord>builder()
            .setBootstrapServers(settings.getRequired("source"))
            .setTopics(settings.getRequired("from"))
            .setGroupId(settings.get("group", "squall-" + settings.getRequired("run")))
            .setStartingOffsets(OffsetsInitializer.committedOffsets(OffsetResetStrategy.EARLIEST))
            .setDeserializer(new KafkaRecord.Reader())
            .build();
    DataStream<KafkaRecord> records = environment.fromSource(source, WatermarkStrategy.noWatermarks(), "source");
    Defect defect =
        new Defect(
            settings.get("defect", "none"),
            settings.getLong("every", 0),
            settings.getLong("millis", 0),
            settings.getLong("micros", 0),
            settings.getInt("bytes", 0),
            settings.get("diary", ""));
    DataStream<KafkaRecord> processed =
        settings.getBoolean("keyed", false)
            ? records.keyBy(KafkaRecord::keyHash).flatMap(defect).name("defect")
            : records.flatMap(defect).name("defect");
    DeliveryGuarantee guarantee =
        settings.get("guarantee", "exactly-once").equals("exactly-once") ? DeliveryGuarantee.EXACTLY_ONCE : DeliveryGuarantee.AT_LEAST_ONCE;
    processed
        .sinkTo(
            KafkaSink.<KafkaRecord>builder()
                .setBootstrapServers(settings.getRequired("sink"))
                .setDeliveryGuarantee(guarantee)
                .setTransactionalIdPrefix("squall-" + settings.getRequired("run"))
                .setProperty("transaction.timeout.ms", settings.get("transaction-timeout", "600000"))
                .setRecordSerializer(new KafkaRecord.Writer(settings.getRequired("to")))
                .build())
        .name("sink");
    environment.execute(settings.get("name", "planted-" + settings.get("defect", "none")));
  }
}
