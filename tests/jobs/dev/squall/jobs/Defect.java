package dev.squall.jobs;

import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import org.apache.flink.api.common.functions.RichFlatMapFunction;
import org.apache.flink.api.common.state.ListState;
import org.apache.flink.api.common.state.ListStateDescriptor;
import org.apache.flink.runtime.state.FunctionInitializationContext;
import org.apache.flink.runtime.state.FunctionSnapshotContext;
import org.apache.flink.streaming.api.checkpoint.CheckpointedFunction;
import org.apache.flink.util.Collector;

/** What goes wrong on the way. Records are chosen by their sequence number, so the damage is known to the record. */
final class Defect extends RichFlatMapFunction<KafkaRecord, KafkaRecord> implements CheckpointedFunction {
  /** Lives as long as its class loader: what a heap leak is. */
  private static final List<byte[]> LEAK = new ArrayList<>();

  private final String name;
  private final long every;
  private final long first;
  private final long millis;
  private final int bytes;

  private transient boolean restored;
  private transient long toDrop;
  private transient long startedNanos;
  private transient Map<Integer, KafkaRecord> held;
  private transient ListState<byte[]> grown;

  Defect(String name, long every, long first, long millis, int bytes) {
    this.name = name;
    this.every = every;
    this.first = first;
    this.millis = millis;
    this.bytes = bytes;
  }

  @Override
  public void initializeState(FunctionInitializationContext context) throws Exception {
    restored = context.isRestored();
    toDrop = restored ? first : 0;
    startedNanos = System.nanoTime();
    held = new HashMap<>();
    grown = context.getOperatorStateStore().getListState(new ListStateDescriptor<>("grown", byte[].class));
    if (restored && name.equals("slow-restore")) {
      Thread.sleep(millis);
    }
  }

  @Override
  public void snapshotState(FunctionSnapshotContext context) {}

  @Override
  public void flatMap(KafkaRecord record, Collector<KafkaRecord> out) throws Exception {
    long sequence = PlantedJob.sequenceOf(record.identity);
    boolean chosen = every > 0 && sequence % every == every - 1;
    switch (name) {
      case "drop":
        if (chosen) {
          return;
        }
        break;
      case "drop-after-restore":
        if (toDrop > 0) {
          toDrop--;
          return;
        }
        break;
      case "duplicate":
        if (chosen) {
          out.collect(record);
        }
        break;
      case "reorder":
        // A chosen record is overtaken by the next one of its key.
        KafkaRecord before = held.remove(record.keyHash());
        if (before != null) {
          out.collect(record);
          out.collect(before);
          return;
        }
        if (chosen) {
          held.put(record.keyHash(), record);
          return;
        }
        break;
      case "corrupt":
        if (chosen && record.value != null && record.value.length > 0) {
          record.value[record.value.length - 1] ^= 0x01;
        }
        break;
      case "lose-header":
        record.identity = null;
        break;
      case "throw-every":
        if (System.nanoTime() - startedNanos > millis * 1_000_000) {
          throw new IllegalStateException("planted: throws after " + millis + " ms");
        }
        break;
      case "fail-after-restore":
        if (restored) {
          throw new IllegalStateException("planted: cannot go on after a restore");
        }
        break;
      case "cost":
        Thread.sleep(millis);
        break;
      case "leak-heap":
        LEAK.add(new byte[bytes]);
        break;
      case "grow-state":
        grown.add(new byte[bytes]);
        break;
      default:
        break;
    }
    out.collect(record);
  }
}
