import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.TimeoutException;
import java.util.function.LongSupplier;
import org.apache.spark.streaming.api.java.JavaStreamingContext;
import org.apache.spark.streaming.scheduler.BatchInfo;
import org.apache.spark.streaming.scheduler.StreamingListener;
import org.apache.spark.streaming.scheduler.StreamingListenerBatchCompleted;

/** A started streaming context and the batches that it has completed, in their order. */
final class Stream implements StreamingListener, AutoCloseable {
  /** What is known of a completed batch; the processor time is that of the whole process. */
  record Batch(
      long timeMs, long endMs, long processingMs, long records, long cpuNanos) {
    /** From the batch's nominal time until its last job was done. */
    long delayMs() {
      return endMs - timeMs;
    }
  }

  private static final long IDLE_LIMIT_NANOS = 60_000_000_000L;

  private final JavaStreamingContext ssc;
  private final LongSupplier cpuNanos;
  private final List<Batch> completed = new ArrayList<>();

  Stream(JavaStreamingContext ssc, LongSupplier cpuNanos) {
    this.ssc = ssc;
    this.cpuNanos = cpuNanos;
    ssc.addStreamingListener(this);
    ssc.start();
  }

  @Override
  public void onBatchCompleted(StreamingListenerBatchCompleted event) {
    BatchInfo info = event.batchInfo();
    Batch batch = new Batch(
        info.batchTime().milliseconds(),
        (Long) info.processingEndTime().get(),
        (Long) info.processingDelay().get(),
        info.numRecords(),
        cpuNanos.getAsLong());
    synchronized (completed) {
      completed.add(batch);
    }
  }

  /** How long Spark worked on each batch, in milliseconds. */
  static double[] processing(List<Batch> batches) {
    return batches.stream().mapToDouble(Batch::processingMs).toArray();
  }

  List<Batch> completed() {
    synchronized (completed) {
      return List.copyOf(completed);
    }
  }

  /** Waits for as many batches as given; fails when none was completed for a minute. */
  List<Batch> await(int count) throws Exception {
    List<Batch> batches = completed();
    long idleSince = System.nanoTime();
    while (batches.size() < count) {
      poll(idleSince + IDLE_LIMIT_NANOS);
      int before = batches.size();
      batches = completed();
      if (batches.size() > before) {
        idleSince = System.nanoTime();
      }
    }
    return batches;
  }

  /** Waits for the first batch that was done at or after the given time. */
  Batch awaitDoneAt(long timeMs) throws Exception {
    for (int next = 0; ; next++) {
      Batch batch = await(next + 1).get(next);
      if (batch.endMs >= timeMs) {
        return batch;
      }
    }
  }

  private void poll(long deadlineNanos) throws Exception {
    // This throws the error of a batch that failed.
    if (ssc.awaitTerminationOrTimeout(20) || System.nanoTime() > deadlineNanos) {
      throw new TimeoutException("the stream completes no more batches");
    }
  }

  @Override
  public void close() {
    // Batches that still wait are given up, which Spark would report at length as errors.
    ssc.sparkContext().setLogLevel("OFF");
    ssc.stop(false, false);
    ssc.sparkContext().setLogLevel("ERROR");
  }
}
