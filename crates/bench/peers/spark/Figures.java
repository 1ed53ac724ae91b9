import com.sun.management.OperatingSystemMXBean;
import java.io.FileDescriptor;
import java.io.FileOutputStream;
import java.io.IOException;
import java.io.PrintStream;
import java.lang.management.ManagementFactory;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.Locale;

/** The figures: how they are taken, summarised and printed. */
final class Figures {
  static final double MB = 1e6;

  /** The real standard output: libraries that print get standard error instead. */
  private static final PrintStream OUT =
      new PrintStream(new FileOutputStream(FileDescriptor.out), true);

  private Figures() {}

  /** Prints one figure of a workload. */
  static void emit(String workload, String metric, double value, String unit) {
    OUT.printf(
        Locale.ROOT,
        "{\"name\":\"%s\",\"metric\":\"%s\",\"value\":%.3f,\"unit\":\"%s\"}%n",
        workload, metric, value, unit);
  }

  /** Reports progress. */
  static void log(String format, Object... values) {
    System.err.println("peer: " + String.format(Locale.ROOT, format, values));
  }

  /** The nearest-rank quantile. */
  static double quantile(double[] values, double q) {
    if (values.length == 0) {
      return Double.POSITIVE_INFINITY;
    }
    double[] sorted = values.clone();
    Arrays.sort(sorted);
    return sorted[(int) Math.ceil(q * sorted.length) - 1];
  }

  /** The processor time of this process. */
  static long cpuNanos() {
    return ((OperatingSystemMXBean) ManagementFactory.getOperatingSystemMXBean())
        .getProcessCpuTime();
  }

  /** The most memory that this process has held. */
  static double peakRssMb() throws IOException {
    for (String line : Files.readAllLines(Path.of("/proc/self/status"))) {
      if (line.startsWith("VmHWM:")) {
        return Long.parseLong(line.replaceAll("[^0-9]", "")) * 1024 / MB;
      }
    }
    throw new IOException("/proc/self/status has no VmHWM");
  }
}
