package io.llmdb.spend;

import java.io.IOException;
import java.io.RandomAccessFile;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.channels.FileLock;
import java.nio.channels.OverlappingFileLockException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.concurrent.ConcurrentSkipListMap;
import java.util.concurrent.atomic.AtomicLong;
import java.util.concurrent.atomic.LongAdder;
import java.util.stream.Stream;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * The journal's directory: its files in the order of their positions, a lock against a second instance, and a mark that
 * says how far the records are booked.
 *
 * <p>The mark is not synced. An old one makes the next start book again what the books know already, which changes
 * nothing.
 */
final class JournalFiles implements AutoCloseable {

    private static final String LOCK = "journal.lock";
    private static final String MARK = "journal.booked";
    private static final Logger LOG = LoggerFactory.getLogger(JournalFiles.class);

    private final Path directory;
    private final FileChannel lockFile;
    private final RandomAccessFile markFile;
    private final ConcurrentSkipListMap<Long, JournalSegment> segments = new ConcurrentSkipListMap<>();
    private final AtomicLong bytes = new AtomicLong();
    private final JournalReader reader;
    private final long end;
    private volatile long start;
    private long rowsFound;
    private long oldestFound;
    private volatile @Nullable JournalSegment current;

    private JournalFiles(Path directory, FileChannel lockFile, LongAdder setAside) throws IOException {
        this.directory = directory;
        this.lockFile = lockFile;
        this.markFile = new RandomAccessFile(directory.resolve(MARK).toFile(), "rw");
        this.reader = new JournalReader(directory, setAside);
        long mark = readMark();
        long last = mark;
        for (Path file : list()) {
            JournalSegment segment = JournalSegment.left(file);
            if (segment == null) {
                continue;
            }
            last = Math.max(last, segment.end());
            if (segment.end() <= mark || segment.size() == 0) {
                segment.delete();
            } else {
                segments.put(segment.base(), segment);
                bytes.addAndGet(segment.size());
                rowsFound += JournalReader.count(segment, Math.max(mark, segment.base()));
                if (oldestFound == 0) {
                    oldestFound = Files.getLastModifiedTime(file).toMillis();
                }
            }
        }
        this.start = mark;
        this.end = last;
    }

    static JournalFiles open(Path directory, LongAdder setAside) {
        FileChannel lockFile = null;
        try {
            Files.createDirectories(directory);
            lockFile = FileChannel.open(directory.resolve(LOCK), StandardOpenOption.CREATE, StandardOpenOption.WRITE);
            if (!isLocked(lockFile)) {
                lockFile.close();
                throw new JournalException(
                        "The journal directory " + directory.toAbsolutePath()
                                + " is used by another instance: give each instance one of its own"
                                + " (llmdb.journal_directory)",
                        null);
            }
            return new JournalFiles(directory, lockFile, setAside);
        } catch (IOException e) {
            if (lockFile != null) {
                closeQuietly(lockFile);
            }
            throw new JournalException(
                    "The journal directory " + directory.toAbsolutePath() + " cannot be used: " + e, e);
        }
    }

    /** The lock goes with the channel, and with the process. */
    private static boolean isLocked(FileChannel file) throws IOException {
        try {
            FileLock lock = file.tryLock();
            return lock != null;
        } catch (OverlappingFileLockException e) {
            return false;
        }
    }

    private List<Path> list() throws IOException {
        List<Path> files = new ArrayList<>();
        try (Stream<Path> all = Files.list(directory)) {
            all.filter(file -> file.getFileName().toString().endsWith(JournalSegment.SUFFIX))
                    .sorted()
                    .forEach(files::add);
        }
        return files;
    }

    private long readMark() throws IOException {
        byte[] bytes = new byte[JournalFrame.HEADER + Long.BYTES];
        int length = markFile.read(bytes);
        ByteBuffer mark = ByteBuffer.wrap(bytes, 0, Math.max(0, length));
        return JournalFrame.isSound(mark, 0)
                ? ByteBuffer.wrap(JournalFrame.content(mark, 0)).getLong()
                : 0;
    }

    /** Writes records that begin at the position, and returns when they are on the disk. One thread at a time. */
    void append(byte[] records, int length, long position, long segmentBytes) throws IOException {
        JournalSegment segment = current;
        if (segment == null || segment.end() != position || segment.size() + length > segmentBytes) {
            segment = JournalSegment.create(directory, position);
            segments.put(position, segment);
            current = segment;
            syncDirectory();
        }
        boolean written = false;
        try {
            segment.append(records, length);
            written = true;
            bytes.addAndGet(length);
        } finally {
            if (!written) {
                // Nobody knows what its end is now: what comes next goes to a new file.
                current = null;
            }
        }
    }

    /** A file's name is in the directory, which has to be synced too. Some systems cannot, and need not. */
    private void syncDirectory() {
        // A channel is closed by an interrupt, which is not meant for us.
        boolean interrupted = Thread.interrupted();
        try (FileChannel channel = FileChannel.open(directory, StandardOpenOption.READ)) {
            channel.force(true);
        } catch (IOException e) {
            LOG.debug("The journal's directory cannot be synced: {}", e.toString());
        } finally {
            if (interrupted) {
                Thread.currentThread().interrupt();
            }
        }
    }

    /**
     * Reads records, the first one at the position or behind it.
     *
     * @param limit nothing at or behind this position is read
     */
    JournalReader.Batch read(long position, long limit, int maxRows, long maxBytes) throws IOException {
        long at = Math.max(position, start);
        while (at < limit) {
            Map.Entry<Long, JournalSegment> entry = segments.floorEntry(at);
            if (entry == null || at >= entry.getValue().end()) {
                Long next = segments.higherKey(at);
                at = next == null ? limit : Math.min(next, limit);
                continue;
            }
            JournalSegment segment = entry.getValue();
            JournalReader.Batch batch = reader.read(segment, at, Math.min(limit, segment.end()), maxRows, maxBytes);
            if (!batch.records().isEmpty()) {
                return batch;
            }
            at = Math.max(batch.end(), at + 1);
        }
        return new JournalReader.Batch(List.of(), limit);
    }

    /** Deletes the files whose records all lie before the position, and notes it for the next start. */
    synchronized void release(long position) {
        if (position < start) {
            return;
        }
        start = position;
        try {
            for (JournalSegment segment : segments.headMap(position, false).values()) {
                if (segment.end() > position) {
                    break;
                }
                if (segment == current) {
                    continue;
                }
                segments.remove(segment.base());
                bytes.addAndGet(-segment.size());
                segment.delete();
            }
            ByteBuffer mark = ByteBuffer.allocate(JournalFrame.HEADER + Long.BYTES);
            JournalFrame.write(ByteBuffer.allocate(Long.BYTES).putLong(position).array(), mark);
            markFile.seek(0);
            markFile.write(mark.array());
        } catch (IOException e) {
            LOG.warn("The journal in {} cannot be tidied, which the next start will do: {}", directory, e.toString());
        }
    }

    /** Keeps bytes that cannot be booked in a file of their own. */
    void keep(long position, byte[] spoiled, String why) throws IOException {
        reader.keep(position, spoiled, why);
    }

    long bytes() {
        return bytes.get();
    }

    long start() {
        return start;
    }

    long end() {
        return end;
    }

    long rowsFound() {
        return rowsFound;
    }

    long oldestFound() {
        return oldestFound;
    }

    /** Closes all; what is booked is deleted. */
    @Override
    public void close() {
        current = null;
        release(start);
        for (JournalSegment segment : segments.values()) {
            closeQuietly(segment);
        }
        closeQuietly(markFile);
        closeQuietly(lockFile);
    }

    private static void closeQuietly(AutoCloseable resource) {
        try {
            resource.close();
        } catch (Exception e) {
            LOG.debug("Closing goes on after {}", e.toString());
        }
    }

    @Override
    public String toString() {
        return directory.toString();
    }
}
