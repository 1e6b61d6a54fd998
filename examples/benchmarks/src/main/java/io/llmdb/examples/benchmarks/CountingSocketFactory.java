package io.llmdb.examples.benchmarks;

import java.io.FilterInputStream;
import java.io.FilterOutputStream;
import java.io.IOException;
import java.io.InputStream;
import java.io.OutputStream;
import java.net.InetAddress;
import java.net.Socket;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.concurrent.atomic.LongAdder;
import javax.net.SocketFactory;

/** Counts the driver's round trips: each time that it waits for an answer after it has sent something. */
public final class CountingSocketFactory extends SocketFactory {

    private static final LongAdder ROUND_TRIPS = new LongAdder();

    /** For the driver. */
    public CountingSocketFactory() {}

    static long roundTrips() {
        return ROUND_TRIPS.sum();
    }

    @Override
    public Socket createSocket() {
        return new Counting();
    }

    @Override
    public Socket createSocket(String host, int port) {
        throw new UnsupportedOperationException("The driver connects by itself");
    }

    @Override
    public Socket createSocket(String host, int port, InetAddress from, int fromPort) {
        throw new UnsupportedOperationException("The driver connects by itself");
    }

    @Override
    public Socket createSocket(InetAddress host, int port) {
        throw new UnsupportedOperationException("The driver connects by itself");
    }

    @Override
    public Socket createSocket(InetAddress host, int port, InetAddress from, int fromPort) {
        throw new UnsupportedOperationException("The driver connects by itself");
    }

    private static final class Counting extends Socket {

        private final AtomicBoolean sent = new AtomicBoolean();

        @Override
        public OutputStream getOutputStream() throws IOException {
            return new FilterOutputStream(super.getOutputStream()) {
                @Override
                public void write(int value) throws IOException {
                    sent.set(true);
                    out.write(value);
                }

                @Override
                public void write(byte[] bytes, int offset, int length) throws IOException {
                    sent.set(true);
                    out.write(bytes, offset, length);
                }
            };
        }

        @Override
        public InputStream getInputStream() throws IOException {
            return new FilterInputStream(super.getInputStream()) {
                @Override
                public int read() throws IOException {
                    count();
                    return in.read();
                }

                @Override
                public int read(byte[] bytes, int offset, int length) throws IOException {
                    count();
                    return in.read(bytes, offset, length);
                }
            };
        }

        private void count() {
            if (sent.getAndSet(false)) {
                ROUND_TRIPS.increment();
            }
        }
    }
}
