import java.io.IOException;
import java.lang.management.ManagementFactory;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.channels.ServerSocketChannel;
import java.nio.channels.SocketChannel;
import java.nio.file.Path;

/** Sends the lines of a file, again and again, to one client on the loopback interface. */
final class LineServer implements AutoCloseable {
  private final ServerSocketChannel listener;
  private final Thread thread;

  LineServer(Path file) throws IOException {
    listener = ServerSocketChannel.open();
    listener.bind(new InetSocketAddress(InetAddress.getByName("127.0.0.1"), 0));
    thread = new Thread(() -> serve(file), "line-server");
    thread.setDaemon(true);
    thread.start();
  }

  int port() throws IOException {
    return ((InetSocketAddress) listener.getLocalAddress()).getPort();
  }

  /** The processor time that serving took: not Spark's work, so not counted as such. */
  long cpuNanos() {
    return Math.max(0, ManagementFactory.getThreadMXBean().getThreadCpuTime(thread.getId()));
  }

  private void serve(Path file) {
    try (FileChannel text = FileChannel.open(file);
        SocketChannel client = listener.accept()) {
      boolean endsLine = endsLine(text);
      while (listener.isOpen()) {
        long sent = 0;
        while (sent < text.size()) {
          sent += text.transferTo(sent, text.size() - sent, client);
        }
        if (!endsLine) {
          client.write(ByteBuffer.wrap(new byte[] {'\n'}));
        }
      }
    } catch (IOException ended) {
      // Either the stream was stopped, or it will now report that its source is gone.
    }
  }

  private static boolean endsLine(FileChannel text) throws IOException {
    ByteBuffer last = ByteBuffer.allocate(1);
    text.read(last, text.size() - 1);
    return last.get(0) == '\n';
  }

  @Override
  public void close() throws IOException {
    listener.close();
  }
}
