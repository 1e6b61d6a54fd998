package io.llmdb.spend;

import java.io.Closeable;
import java.io.File;
import java.io.IOException;
import java.io.RandomAccessFile;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Locale;
import org.jspecify.annotations.Nullable;

/**
 * One file of the journal. Its name is the position in the whole journal at which its records begin, so that positions
 * only grow, from start to start. Written by one thread at a time, read by one thread at a time.
 *
 * <p>Not by a FileChannel: that is closed by the interrupt of whoever happens to write.
 */
final class JournalSegment implements Closeable {

    static final String SUFFIX = ".journal";

    private final File file;
    private final long base;
    private final @Nullable RandomAccessFile out;
    private volatile @Nullable RandomAccessFile in;
    private volatile long size;

    private JournalSegment(Path file, long base, @Nullable RandomAccessFile out, long size) {
        this.file = file.toFile();
        this.base = base;
        this.out = out;
        this.size = size;
    }

    /** Makes a new file. Its name is safe when the directory is synced. */
    static JournalSegment create(Path directory, long base) throws IOException {
        Path file = directory.resolve(String.format(Locale.ROOT, "%020d%s", base, SUFFIX));
        Files.createFile(file);
        return new JournalSegment(file, base, new RandomAccessFile(file.toFile(), "rw"), 0);
    }

    /** A file that an earlier run left, to be read; null where the name is none of ours. */
    static @Nullable JournalSegment left(Path file) throws IOException {
        String name = file.getFileName().toString();
        if (!name.matches("[0-9]{20}" + SUFFIX.replace(".", "\\."))) {
            return null;
        }
        return new JournalSegment(file, Long.parseLong(name.substring(0, 20)), null, Files.size(file));
    }

    long base() {
        return base;
    }

    long size() {
        return size;
    }

    /** The position in the journal behind its last byte. */
    long end() {
        return base + size;
    }

    /** Writes behind what is there, and returns when it is on the disk. */
    void append(byte[] bytes, int length) throws IOException {
        RandomAccessFile to = out;
        if (to == null) {
            throw new IOException(file + " is from an earlier run and only read");
        }
        long at = size;
        to.seek(at);
        to.write(bytes, 0, length);
        to.getFD().sync();
        size = at + length;
    }

    /**
     * Reads from a position of the journal.
     *
     * @return how many bytes; fewer than asked for where the file ends
     */
    int read(byte[] into, long position) throws IOException {
        RandomAccessFile from = in;
        if (from == null) {
            from = new RandomAccessFile(file, "r");
            in = from;
        }
        from.seek(position - base);
        int count = 0;
        while (count < into.length) {
            int more = from.read(into, count, into.length - count);
            if (more < 0) {
                break;
            }
            count += more;
        }
        return count;
    }

    void delete() throws IOException {
        close();
        Files.deleteIfExists(file.toPath());
    }

    @Override
    public void close() throws IOException {
        if (out != null) {
            out.close();
        }
        RandomAccessFile reading = in;
        if (reading != null) {
            reading.close();
        }
    }

    @Override
    public String toString() {
        return file.getName();
    }
}
