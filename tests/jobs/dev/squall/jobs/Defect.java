package dev.squall.jobs;

import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
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

/**
 * What goes wrong on the way. Records are chosen by their offset in the input, and each deed is a line of the diary, so the damage is known
 * to the record whatever restarts came between.
 */
final class Defect extends RichFlatMapFunction<KafkaRecord, KafkaRecord> implements CheckpointedFunction {
  /** Lives as long as its class loader: what a heap leak is. */
  private static final List<byte[]> LEAK = new ArrayList<>();

  private final String name;
  private final long every;
  private final long millis;
  private final long micros;
  private final int bytes;
  private final String diary;

  private transient boolean restored;
  private transient long startedNanos;
  private transient Map<Integer, KafkaRecord> held;
  private transient ListState<byte[]> grown;
  private transient long paidUntilNanos;

  Defect(String name, long every, long millis, long micros, int bytes, String diary) {
    this.name = name;
    this.every = every;
    this.millis = millis;
    this.micros = micros;
    this.bytes = bytes;
    this.diary = diary;
  }

  @Override
  public void initializeState(FunctionInitializationContext context) throws Exception {
    restored = context.isRestored();
    startedNanos = System.nanoTime();
    held = new HashMap<>();
    grown = context.getOperatorStateStore().getListState(new ListStateDescriptor<>("grown", byte[].class));
    if (restored && name.equals("slow-restore")) {
      write("");
      Thread.sleep(millis);
    }
  }

  @Override
  public void snapshotState(FunctionSnapshotContext context) {}

  /**
   * Takes so long for a record, exact in the mean: what a sleep takes too long is taken off the next ones, up to a second, so that a busy
   * subtask processes 1 s ÷ cost records per second whatever the machine's timers are like and whoever else is at its cores.
   */
  private void spend(long nanos) throws InterruptedException {
    long now = System.nanoTime();
    paidUntilNanos = Math.max(paidUntilNanos, now - 1_000_000_000) + nanos;
    long wait = paidUntilNanos - now;
    if (wait > 0) {
      Thread.sleep(wait / 1_000_000, (int) (wait % 1_000_000));
    }
  }

  @Override
  public void flatMap(KafkaRecord record, Collector<KafkaRecord> out) throws Exception {
    boolean chosen = every > 0 && record.offset % every == every - 1;
    switch (name) {
      case "drop":
        if (chosen) {
          write(record);
          return;
        }
        break;
      case "drop-after-restore":
        if (restored && chosen) {
          write(record);
          return;
        }
        break;
      case "duplicate":
        if (chosen) {
          write(record);
          out.collect(record);
        }
        break;
      case "reorder":
        // A chosen record is overtaken by the next one of its key.
        KafkaRecord before = held.remove(record.keyHash());
        if (before != null) {
          write(before);
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
          write(record);
          record.value[record.value.length - 1] ^= 0x01;
        }
        break;
      case "lose-header":
        record.identity = null;
        break;
      case "throw-every":
        if (System.nanoTime() - startedNanos > millis * 1_000_000) {
          write(record);
          throw new IllegalStateException("planted: throws after " + millis + " ms");
        }
        break;
      case "fail-after-restore":
        if (restored) {
          write(record);
          throw new IllegalStateException("planted: cannot go on after a restore");
        }
        break;
      case "cost":
        spend(millis * 1_000_000 + micros * 1_000);
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

  private void write(KafkaRecord record) throws IOException {
    write(record.partition + " " + record.offset);
  }

  /** A line of the diary: whole, whoever else writes, and there after a kill. */
  private void write(String what) throws IOException {
    if (!diary.isEmpty()) {
      byte[] line = (what + "\n").getBytes(StandardCharsets.UTF_8);
      Files.write(Path.of(diary), line, StandardOpenOption.CREATE, StandardOpenOption.APPEND);
    }
  }
}
