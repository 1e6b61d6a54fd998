package io.llmdb.spend;

import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.concurrent.atomic.LongAdder;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Reads records back. What cannot be read (the torn tail of a killed process, a spoiled record) is kept in a file
 * beside the journal, counted and logged, and reading goes on behind it.
 */
final class JournalReader {

    private static final int WINDOW = 1 << 20;
    private static final Logger LOG = LoggerFactory.getLogger(JournalReader.class);

    private final Path directory;
    private final LongAdder setAside;

    JournalReader(Path directory, LongAdder setAside) {
        this.directory = directory;
        this.setAside = setAside;
    }

    /** A sound record, and the position behind it. */
    static final class Found {
        private final byte[] content;
        private final long end;

        private Found(byte[] content, long end) {
            this.content = content;
            this.end = end;
        }

        byte[] content() {
            return content;
        }

        long end() {
            return end;
        }
    }

    /** @param end the position at which to go on */
    record Batch(List<Found> records, long end) {}

    /** How many sound records a file has from a position on. */
    static long count(JournalSegment segment, long from) throws IOException {
        long count = 0;
        long at = from;
        while (at < segment.end()) {
            ByteBuffer window = window(segment, at, segment.end());
            int offset = 0;
            while (JournalFrame.isSound(window, offset)) {
                offset += (int) JournalFrame.announced(window, offset);
                count++;
            }
            at = offset == 0 ? nextSound(segment, at, segment.end()) : at + offset;
        }
        return count;
    }

    /**
     * Reads records of one file.
     *
     * @param limit nothing at or behind this position is read
     */
    Batch read(JournalSegment segment, long from, long limit, int maxRows, long maxBytes) throws IOException {
        List<Found> records = new ArrayList<>();
        long at = from;
        long bytes = 0;
        while (at < limit) {
            ByteBuffer window = window(segment, at, limit);
            int offset = 0;
            while (JournalFrame.isSound(window, offset)) {
                int length = (int) JournalFrame.announced(window, offset);
                if (!records.isEmpty() && (records.size() == maxRows || bytes + length > maxBytes)) {
                    return new Batch(records, at + offset);
                }
                records.add(new Found(JournalFrame.content(window, offset), at + offset + length));
                offset += length;
                bytes += length;
            }
            if (offset > 0) {
                at += offset;
            } else if (records.isEmpty()) {
                at = keepUpToNextSound(segment, at, limit);
            } else {
                break;
            }
        }
        return new Batch(records, at);
    }

    /** Bytes from a position on: as many as a window has, or the whole of the record that begins there. */
    private static ByteBuffer window(JournalSegment segment, long from, long limit) throws IOException {
        ByteBuffer window = bytes(segment, from, Math.min(WINDOW, limit - from));
        long announced = JournalFrame.announced(window, 0);
        return announced > window.limit() && announced <= limit - from ? bytes(segment, from, announced) : window;
    }

    private static ByteBuffer bytes(JournalSegment segment, long from, long length) throws IOException {
        byte[] bytes = new byte[(int) length];
        return ByteBuffer.wrap(bytes, 0, segment.read(bytes, from));
    }

    /** Where the next sound record begins behind a position at which none does; the limit where there is none. */
    private static long nextSound(JournalSegment segment, long spoiled, long limit) throws IOException {
        long at = spoiled + 1;
        while (at < limit) {
            ByteBuffer window = window(segment, at, limit);
            int candidate = JournalFrame.findMark(window);
            if (candidate == 0 && JournalFrame.isSound(window, 0)) {
                return at;
            }
            if (candidate < 0) {
                // A header may lie across the window's end.
                at += Math.max(1, window.limit() - JournalFrame.HEADER + 1);
            } else {
                at += Math.max(1, candidate);
            }
        }
        return limit;
    }

    private long keepUpToNextSound(JournalSegment segment, long from, long limit) throws IOException {
        long next = nextSound(segment, from, limit);
        byte[] spoiled = new byte[(int) Math.min(next - from, Integer.MAX_VALUE - 8)];
        segment.read(spoiled, from);
        keep(from, spoiled, "no sound record begins there");
        return next;
    }

    /** Keeps bytes that cannot be booked in a file of their own. */
    void keep(long position, byte[] spoiled, String why) throws IOException {
        Path file = directory.resolve(String.format(Locale.ROOT, "%020d.set-aside", position));
        Files.write(file, spoiled);
        setAside.increment();
        LOG.error("{} bytes of the journal were set aside as {}: {}", spoiled.length, file, why);
    }
}
