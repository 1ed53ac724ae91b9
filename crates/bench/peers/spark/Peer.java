import java.io.IOException;
import java.io.Serializable;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.LinkedList;
import java.util.List;
import java.util.Map;
import java.util.Queue;
import java.util.SplittableRandom;
import java.util.stream.IntStream;
import org.apache.spark.SparkConf;
import org.apache.spark.api.java.JavaRDD;
import org.apache.spark.api.java.JavaSparkContext;
import org.apache.spark.api.java.Optional;
import org.apache.spark.api.java.StorageLevels;
import org.apache.spark.api.java.function.Function2;
import org.apache.spark.api.java.function.Function3;
import org.apache.spark.streaming.Durations;
import org.apache.spark.streaming.State;
import org.apache.spark.streaming.StateSpec;
import org.apache.spark.streaming.api.java.JavaDStream;
import org.apache.spark.streaming.api.java.JavaPairDStream;
import org.apache.spark.streaming.api.java.JavaStreamingContext;
import scala.Tuple2;

/**
 * The benchmark's workloads on Apache Spark Streaming. Each figure is one JSON object on a line of
 * standard output; everything else goes to standard error. README.md beside this file says what is
 * measured and how.
 */
public final class Peer {
  private static final int PARTITIONS = 2;
  private static final int[] INTERVALS_MS = {5, 10, 20, 50, 100, 200, 500};
  private static final int INTERVAL_RUN_MS = 15_000;
  private static final int INTERVAL_TAIL_MS = 5_000;

  private static String workload = "";

  public static void main(String[] args) {
    System.setOut(System.err);
    Thread.setDefaultUncaughtExceptionHandler(
        (thread, error) -> Figures.log("%s ended: %s", thread.getName(), error));
    int status = 1;
    try {
      run(args);
      emit("peak_rss_mb", Figures.peakRssMb(), "MB");
      status = 0;
    } catch (IllegalArgumentException wrong) {
      System.err.println("peer: " + wrong.getMessage());
      status = 2;
    } catch (Throwable failed) {
      failed.printStackTrace();
    }
    // Spark leaves threads behind after an error; the exit must not wait for them.
    System.exit(status);
  }

  private static void run(String[] args) throws Exception {
    workload = args.length == 0 ? "" : args[0];
    switch (workload) {
      case "word-count" -> {
        expect(args, "FILE RUNS");
        wordCount(file(args[1]), count(args[2]));
      }
      case "trivial-batch" -> {
        expect(args, "RUNS");
        trivialBatch(count(args[1]));
      }
      case "shortest-interval" -> {
        expect(args, "");
        shortestInterval();
      }
      case "socket" -> {
        expect(args, "FILE SECONDS");
        socket(file(args[1]), count(args[2]));
      }
      case "map-with-state", "update-state" -> {
        boolean hasInterval = args.length == 5;
        expect(args, "KEYS UPDATES BATCHES" + (hasInterval ? " INTERVAL_MS" : ""));
        int intervalMs = hasInterval ? count(args[4]) : 1_000;
        state(count(args[1]), count(args[2]), count(args[3]), intervalMs);
      }
      default -> throw new IllegalArgumentException(
          "unknown workload '" + workload + "'; there are word-count, trivial-batch, "
              + "shortest-interval, socket, map-with-state and update-state");
    }
  }

  // ---------------------------------------------------------------- word-count

  private static void wordCount(Path file, int runs) throws Exception {
    try (JavaSparkContext sc = context(PARTITIONS)) {
      JavaRDD<String> lines = sc.textFile(file.toUri().toString(), PARTITIONS).cache();
      long records = lines.count();
      var stored = sc.sc().getRDDStorageInfo();
      if (stored.length != 1 || stored[0].numCachedPartitions() != lines.getNumPartitions()) {
        throw new IllegalStateException(file + " does not fit in memory: give a smaller file");
      }
      Figures.log("cached %d lines in %d partitions", records, lines.getNumPartitions());
      countWords(lines);
      double[] seconds = new double[runs];
      long cpuBefore = Figures.cpuNanos();
      for (int run = 0; run < runs; run++) {
        long start = System.nanoTime();
        int words = countWords(lines);
        seconds[run] = (System.nanoTime() - start) / 1e9;
        Figures.log("run %d: %.3f s, %d distinct words", run + 1, seconds[run], words);
      }
      double cpuSeconds = (Figures.cpuNanos() - cpuBefore) / 1e9;
      double megabytes = Files.size(file) / Figures.MB;
      emit("mb_per_s", megabytes / Figures.quantile(seconds, 0.5), "MB/s");
      emit("mb_per_cpu_s", megabytes * runs / cpuSeconds, "MB/cpu_s");
      emit("records_per_cpu_s", (double) records * runs / cpuSeconds, "records/cpu_s");
    }
  }

  private static int countWords(JavaRDD<String> lines) {
    return lines
        .flatMap(line -> Arrays.asList(line.split(" ")).iterator())
        .mapToPair(word -> new Tuple2<>(word, 1))
        .reduceByKey(Integer::sum)
        .collect()
        .size();
  }

  // ------------------------------------------------------------- trivial-batch

  private static void trivialBatch(int runs) throws Exception {
    try (JavaSparkContext sc = context(PARTITIONS)) {
      trivialJobs(sc, 200);
      double[] millis = trivialJobs(sc, runs);
      emit("median_ms", Figures.quantile(millis, 0.5), "ms");
      emit("p95_ms", Figures.quantile(millis, 0.95), "ms");
      int warmUp = 50;
      int measured = 100;
      List<Stream.Batch> batches;
      try (Stream stream = trivialStream(sc, 100, warmUp + measured)) {
        batches = stream.await(warmUp + measured).subList(warmUp, warmUp + measured);
      }
      emit("processing_ms", Figures.quantile(Stream.processing(batches), 0.5), "ms");
    }
  }

  private static double[] trivialJobs(JavaSparkContext sc, int runs) {
    double[] millis = new double[runs];
    for (int run = 0; run < runs; run++) {
      long start = System.nanoTime();
      sc.parallelizePairs(hundredPairs(), PARTITIONS).reduceByKey(Integer::sum).collect();
      millis[run] = (System.nanoTime() - start) / 1e6;
    }
    return millis;
  }

  /** The trivial two-stage job as a stream, started, with input for the given batches. */
  private static Stream trivialStream(JavaSparkContext sc, int intervalMs, int batches) {
    JavaStreamingContext ssc = new JavaStreamingContext(sc, Durations.milliseconds(intervalMs));
    Queue<JavaRDD<Tuple2<Integer, Integer>>> input = new LinkedList<>();
    for (int batch = 0; batch < batches; batch++) {
      input.add(sc.parallelize(hundredPairs(), PARTITIONS));
    }
    JavaPairDStream.fromJavaDStream(ssc.queueStream(input))
        .reduceByKey(Integer::sum)
        .foreachRDD(rdd -> { rdd.count(); });
    return new Stream(ssc, Figures::cpuNanos);
  }

  private static List<Tuple2<Integer, Integer>> hundredPairs() {
    List<Tuple2<Integer, Integer>> pairs = new ArrayList<>();
    for (int i = 0; i < 100; i++) {
      pairs.add(new Tuple2<>(i % 10, i));
    }
    return pairs;
  }

  // --------------------------------------------------------- shortest-interval

  private static void shortestInterval() throws Exception {
    try (JavaSparkContext sc = context(PARTITIONS)) {
      trivialJobs(sc, 1_000);
      holds(sc, 20);
      for (int intervalMs : INTERVALS_MS) {
        if (holds(sc, intervalMs)) {
          emit("interval_ms", intervalMs, "ms");
          return;
        }
      }
      throw new IllegalStateException("even the longest interval fell behind");
    }
  }

  /** Whether, late in a run, half the batches are done within two intervals of their time. */
  private static boolean holds(JavaSparkContext sc, int intervalMs) throws Exception {
    awaitIdle(sc);
    List<Stream.Batch> batches;
    try (Stream stream = trivialStream(sc, intervalMs, INTERVAL_RUN_MS / intervalMs + 100)) {
      Thread.sleep(INTERVAL_RUN_MS);
      batches = stream.completed();
    }
    long tailStart = System.currentTimeMillis();
    if (!batches.isEmpty()) {
      tailStart = batches.get(batches.size() - 1).endMs() - INTERVAL_TAIL_MS;
    }
    long from = tailStart;
    List<Stream.Batch> tail = batches.stream().filter(batch -> batch.endMs() >= from).toList();
    double[] delays = tail.stream().mapToDouble(Stream.Batch::delayMs).toArray();
    double delayMs = Figures.quantile(delays, 0.5);
    double processingMs = Figures.quantile(Stream.processing(tail), 0.5);
    Figures.log("interval %d ms: %d of %d batches, at the end delay %.0f ms, processing %.0f ms",
        intervalMs, batches.size(), INTERVAL_RUN_MS / intervalMs, delayMs, processingMs);
    return delayMs < 2 * intervalMs;
  }

  /** Waits for jobs that a stopped stream has left running, lest they slow the next one. */
  private static void awaitIdle(JavaSparkContext sc) throws InterruptedException {
    do {
      Thread.sleep(500);
    } while (sc.statusTracker().getActiveJobIds().length > 0);
  }

  // -------------------------------------------------------------------- socket

  /** Without these the receiver outruns the processing until the memory is full. */
  private static final Map<String, String> BACKPRESSURE = Map.of(
      "spark.streaming.backpressure.enabled", "true",
      "spark.streaming.backpressure.initialRate", "50000");

  private static void socket(Path file, int seconds) throws Exception {
    long warmUpMs = 10_000;
    double bytesPerLine = bytesPerLine(file);
    // The receiver keeps one slot for itself.
    try (LineServer server = new LineServer(file);
        JavaSparkContext sc = context(1 + PARTITIONS, BACKPRESSURE)) {
      // A cold start would leave a backlog, which backpressure takes long to work off.
      for (int run = 0; run < 2; run++) {
        countWords(sc.textFile(file.toUri().toString(), PARTITIONS));
      }
      JavaStreamingContext ssc = new JavaStreamingContext(sc, Durations.seconds(1));
      ssc.socketTextStream("127.0.0.1", server.port(), StorageLevels.MEMORY_AND_DISK)
          .flatMap(line -> Arrays.asList(line.split(" ")).iterator())
          .mapToPair(word -> new Tuple2<>(word, 1))
          .reduceByKey(Integer::sum)
          .foreachRDD(rdd -> { rdd.count(); });
      try (Stream stream = new Stream(ssc, () -> Figures.cpuNanos() - server.cpuNanos())) {
        long warmAt = System.currentTimeMillis() + warmUpMs;
        Stream.Batch first = stream.awaitDoneAt(warmAt);
        long doneAt = first.endMs() + seconds * 1_000L;
        Stream.Batch last = stream.awaitDoneAt(doneAt);
        List<Stream.Batch> window = stream.completed().stream()
            .filter(batch -> batch.timeMs() > first.timeMs() && batch.timeMs() <= last.timeMs())
            .toList();
        double lines = window.stream().mapToLong(Stream.Batch::records).sum();
        double wallSeconds = (last.endMs() - first.endMs()) / 1e3;
        double megabytes = lines * bytesPerLine / Figures.MB;
        Figures.log("%d batches in %.1f s; the last was done %d ms after its time",
            window.size(), wallSeconds, last.delayMs());
        emit("mb_per_s", megabytes / wallSeconds, "MB/s");
        emit("lines_per_s", lines / wallSeconds, "lines/s");
        emit("mb_per_cpu_s", megabytes / ((last.cpuNanos() - first.cpuNanos()) / 1e9), "MB/cpu_s");
      }
    }
  }

  private static double bytesPerLine(Path file) throws IOException {
    try (var lines = Files.lines(file)) {
      return (double) Files.size(file) / lines.count();
    }
  }

  // ------------------------------------------- map-with-state and update-state

  private static void state(int keys, int updates, int batches, int intervalMs) throws Exception {
    int warmUp = 20;
    try (JavaSparkContext sc = context(PARTITIONS)) {
      JavaStreamingContext ssc = new JavaStreamingContext(sc, Durations.milliseconds(intervalMs));
      ssc.checkpoint(Files.createTempDirectory("checkpoint").toUri().toString());
      JavaPairDStream<Long, Long> input = JavaPairDStream.fromJavaDStream(
          ssc.queueStream(stateInput(sc, keys, updates, warmUp + batches)));
      JavaDStream<?> output =
          workload.equals("map-with-state")
              ? input.mapWithState(StateSpec.function(RUNNING_SUM))
              : input.updateStateByKey(SUM_VALUES).toJavaDStream();
      output.foreachRDD(rdd -> { rdd.count(); });
      List<Stream.Batch> done;
      try (Stream stream = new Stream(ssc, Figures::cpuNanos)) {
        done = stream.await(1 + warmUp + batches);
      }
      List<Stream.Batch> steady = done.subList(1 + warmUp, 1 + warmUp + batches);
      if (steady.get(batches - 1).delayMs() > 2L * intervalMs) {
        Figures.log("batches queued up: give an INTERVAL_MS above %d", intervalMs);
      }
      double[] millis = Stream.processing(steady);
      emit("processing_ms", Figures.quantile(millis, 0.5), "ms");
      emit("processing_p95_ms", Figures.quantile(millis, 0.95), "ms");
      emit("processing_mean_ms", Arrays.stream(millis).average().orElse(Double.NaN), "ms");
    }
  }

  private static final Function3<Long, Optional<Long>, State<Long>, Long> RUNNING_SUM =
      (key, value, state) -> {
        long sum = value.orElse(0L) + (state.exists() ? state.get() : 0L);
        state.update(sum);
        return sum;
      };

  private static final Function2<List<Long>, Optional<Long>, Optional<Long>> SUM_VALUES =
      (values, state) -> {
        long sum = state.orElse(0L);
        for (long value : values) {
          sum += value;
        }
        return Optional.of(sum);
      };

  /** A batch with every key once, then batches of updates to random keys, all from memory. */
  private static Queue<JavaRDD<Tuple2<Long, Long>>> stateInput(
      JavaSparkContext sc, int keys, int updates, int batches) {
    Queue<JavaRDD<Tuple2<Long, Long>>> input = new LinkedList<>();
    input.add(inMemory(sc, keys, 0, (index, random) -> (long) index));
    List<JavaRDD<Tuple2<Long, Long>>> pool = new ArrayList<>();
    for (int i = 0; i < 8; i++) {
      pool.add(inMemory(sc, updates, i, (index, random) -> random.nextLong(keys)));
    }
    for (int batch = 0; batch < batches; batch++) {
      // A stream unpersists its old RDDs; this one stands in for the cached one, which is kept.
      input.add(pool.get(batch % pool.size()).mapPartitions(pairs -> pairs, true));
    }
    return input;
  }

  private interface Key extends Serializable {
    long of(int index, SplittableRandom random);
  }

  /** An RDD of (key, 1) pairs that is made where it is needed and kept in memory. */
  private static JavaRDD<Tuple2<Long, Long>> inMemory(
      JavaSparkContext sc, int pairs, long seed, Key key) {
    JavaRDD<Tuple2<Long, Long>> rdd = sc.parallelize(List.of(0, 1), PARTITIONS)
        .mapPartitionsWithIndex((partition, unused) -> {
          SplittableRandom random = new SplittableRandom(seed * PARTITIONS + partition);
          int from = (int) ((long) pairs * partition / PARTITIONS);
          int until = (int) ((long) pairs * (partition + 1) / PARTITIONS);
          return IntStream.range(from, until)
              .mapToObj(index -> new Tuple2<>(key.of(index, random), 1L))
              .iterator();
        }, true)
        .cache();
    rdd.count();
    return rdd;
  }

  // ------------------------------------------------------- context and figures

  private static void emit(String metric, double value, String unit) {
    Figures.emit(workload, metric, value, unit);
  }

  private static JavaSparkContext context(int slots) {
    return context(slots, Map.of());
  }

  private static JavaSparkContext context(int slots, Map<String, String> settings) {
    SparkConf conf = new SparkConf()
        .setAppName("peer " + workload)
        .setMaster("local[" + slots + "]")
        .set("spark.driver.bindAddress", "127.0.0.1")
        .set("spark.driver.host", "127.0.0.1")
        .set("spark.local.dir", System.getProperty("java.io.tmpdir"))
        .set("spark.ui.enabled", "false")
        // One split per slot, however long the file is.
        .set("spark.hadoop.fs.local.block.size", String.valueOf(1L << 40));
    settings.forEach(conf::set);
    return new JavaSparkContext(conf);
  }

  // ----------------------------------------------------------------- arguments

  private static void expect(String[] args, String names) {
    int expected = names.isEmpty() ? 0 : names.split(" ").length;
    if (args.length != expected + 1) {
      throw new IllegalArgumentException("usage: " + (workload + " " + names).trim());
    }
  }

  private static int count(String text) {
    try {
      int value = Integer.parseInt(text);
      if (value > 0) {
        return value;
      }
    } catch (NumberFormatException notANumber) {
      // Reported below, like zero.
    }
    throw new IllegalArgumentException("'" + text + "' is not a whole number above zero");
  }

  private static Path file(String text) throws IOException {
    Path path = Path.of(text).toAbsolutePath();
    if (!Files.isRegularFile(path) || Files.size(path) == 0) {
      throw new IllegalArgumentException(path + " is not a file with text");
    }
    return path;
  }
}
