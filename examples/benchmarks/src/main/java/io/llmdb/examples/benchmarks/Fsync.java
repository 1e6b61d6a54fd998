package io.llmdb.examples.benchmarks;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.Arrays;
import java.util.Locale;

/**
 * What one write of 8 kB with fdatasync costs in the temporary directory, where the server's data lie too.
 *
 * @param medianMicros the median, in µs
 * @param p99Micros what 99 of 100 stay under, in µs
 */
record Fsync(double medianMicros, double p99Micros) {

    static Fsync measure(int times) {
        long[] nanos = new long[times];
        Path file = null;
        try {
            file = Files.createTempFile("llmdb-fsync-", ".bin");
            try (FileChannel channel = FileChannel.open(file, StandardOpenOption.WRITE)) {
                ByteBuffer block = ByteBuffer.allocateDirect(8_192);
                for (int i = 0; i < times; i++) {
                    block.clear();
                    long start = System.nanoTime();
                    channel.write(block);
                    channel.force(false);
                    nanos[i] = System.nanoTime() - start;
                }
            } finally {
                Files.deleteIfExists(file);
            }
        } catch (IOException e) {
            throw new UncheckedIOException("Cannot measure fsync in " + file, e);
        }
        Arrays.sort(nanos);
        return new Fsync(nanos[times / 2] / 1e3, nanos[times * 99 / 100] / 1e3);
    }

    @Override
    public String toString() {
        return String.format(Locale.ROOT, "%.0f µs (p99 %.0f µs)", medianMicros, p99Micros);
    }
}
