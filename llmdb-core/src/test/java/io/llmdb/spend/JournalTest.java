package io.llmdb.spend;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.math.BigDecimal;
import java.nio.ByteBuffer;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Collections;
import java.util.HashSet;
import java.util.List;
import java.util.Random;
import java.util.Set;
import java.util.UUID;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** The journal by itself: what it keeps through kills, spoiled files, bounds and interrupts. */
class JournalTest {

    private static final Instant START = Instant.parse("2026-03-01T10:00:00Z");

    @TempDir
    Path directory;

    private final DeliveryCounts counts = new DeliveryCounts();
    private final Bell bell = new Bell();

    private DeliveryPolicy policy() {
        return DeliveryPolicy.journal(directory).withFull(WhenFull.REFUSE, Duration.ZERO);
    }

    private JournalBacklog open() {
        return open(policy());
    }

    private JournalBacklog open(DeliveryPolicy policy) {
        return new JournalBacklog(
                Journal.open(directory, policy, counts, Runnable::run),
                policy.maxBacklogRows(),
                policy.maxBacklogBytes(),
                bell);
    }

    private static SpendEvent event(int i) {
        return SpendEvent.builder(START.plusMillis(i))
                .requestId("request-" + i)
                .keyHash("hash")
                .model("gpt-4o")
                .cost(new BigDecimal("0.0" + (i + 1)))
                .metadata("{\"n\": " + i + "}")
                .build();
    }

    private static List<SpendEvent> put(Backlog backlog, int from, int to) {
        List<SpendEvent> events = new ArrayList<>();
        for (int i = from; i < to; i++) {
            events.add(event(i));
            backlog.put(Backlog.Entry.of(events.get(events.size() - 1), null, START.toEpochMilli()));
        }
        return events;
    }

    private static Backlog.Entry large(int i) {
        SpendEvent event = event(i).toBuilder()
                .messages("[\"" + "x".repeat(10_000) + "\"]")
                .build();
        return Backlog.Entry.of(event, null, START.toEpochMilli());
    }

    /** Takes all there is, and says of each claim that it is booked. */
    private static List<SpendEvent> drain(Backlog backlog, int batch) {
        List<SpendEvent> events = new ArrayList<>();
        for (Backlog.Claim claim = backlog.poll(batch); claim != null; claim = backlog.poll(batch)) {
            claim.entries().forEach(entry -> events.add(entry.event()));
            backlog.done(claim);
        }
        return events;
    }

    private List<Path> files(String suffix) throws IOException {
        try (Stream<Path> all = Files.list(directory)) {
            return all.filter(file -> file.toString().endsWith(suffix)).sorted().toList();
        }
    }

    /** Leaves the files as a killed process does: everything accepted is there, nothing was tidied. */
    private void crash(JournalBacklog backlog) throws IOException {
        Path copy = Files.createDirectory(directory.resolveSibling(directory.getFileName() + "-copy"));
        try (Stream<Path> all = Files.list(directory)) {
            for (Path file : all.toList()) {
                Files.copy(file, copy.resolve(file.getFileName()));
            }
        }
        backlog.close();
        backlog.closeFiles();
        try (Stream<Path> all = Files.list(directory)) {
            for (Path file : all.toList()) {
                Files.delete(file);
            }
        }
        try (Stream<Path> all = Files.list(copy)) {
            for (Path file : all.toList()) {
                Files.move(file, directory.resolve(file.getFileName()));
            }
        }
        Files.delete(copy);
    }

    @Test
    void givesBackWhatWasPutInTheOrderInWhichItCame() throws IOException {
        JournalBacklog backlog = open();
        List<SpendEvent> events = put(backlog, 0, 100);
        assertThat(backlog.state().rows()).isEqualTo(100);
        assertThat(drain(backlog, 7)).isEqualTo(events);
        assertThat(backlog.state()).isEqualTo(Backlog.State.EMPTY);
        backlog.close();
        backlog.closeFiles();
        assertThat(files(JournalSegment.SUFFIX)).isEmpty();
    }

    @Test
    void whatWasNotBookedComesBackAfterACrash() throws IOException {
        JournalBacklog backlog = open();
        List<SpendEvent> events = put(backlog, 0, 50);
        Backlog.Claim claim = backlog.poll(20);
        backlog.done(claim);
        backlog.poll(20);
        crash(backlog);

        JournalBacklog again = open();
        assertThat(again.state().rows()).isEqualTo(30);
        List<SpendEvent> late = put(again, 50, 60);
        List<SpendEvent> all = drain(again, 1000);
        assertThat(all).containsAll(events.subList(20, 50)).containsAll(late);
        assertThat(counts.setAside.sum()).isZero();
    }

    @Test
    void claimsMayBeDoneInAnyOrder() throws IOException {
        JournalBacklog backlog = open();
        List<SpendEvent> events = put(backlog, 0, 30);
        Backlog.Claim first = backlog.poll(10);
        Backlog.Claim second = backlog.poll(10);
        backlog.done(second);
        crash(backlog);
        assertThat(first.entries()).hasSize(10);

        JournalBacklog again = open();
        assertThat(drain(again, 1000)).isEqualTo(events);
    }

    @ParameterizedTest
    @ValueSource(ints = {1, 5, 11, 12, 40})
    void aTornTailIsSetAside(int cut) throws IOException {
        JournalBacklog backlog = open();
        List<SpendEvent> events = put(backlog, 0, 10);
        crash(backlog);
        Path file = files(JournalSegment.SUFFIX).get(0);
        byte[] bytes = Files.readAllBytes(file);
        Files.write(file, Arrays.copyOf(bytes, bytes.length - cut));

        JournalBacklog again = open();
        List<SpendEvent> late = put(again, 10, 20);
        List<SpendEvent> expected = new ArrayList<>(events.subList(0, 9));
        expected.addAll(late);
        assertThat(drain(again, 1000)).isEqualTo(expected);
        assertThat(counts.setAside.sum()).isEqualTo(1);
        assertThat(files(".set-aside")).hasSize(1);
    }

    @Test
    void aSpoiledRecordIsSetAsideAndThoseBehindItAreNot() throws IOException {
        JournalBacklog backlog = open();
        List<SpendEvent> events = put(backlog, 0, 100);
        crash(backlog);
        Path file = files(JournalSegment.SUFFIX).get(0);
        byte[] bytes = Files.readAllBytes(file);
        Random dice = new Random(7);
        for (int round = 0; round < 8; round++) {
            bytes[bytes.length / 10 * (round + 1) + dice.nextInt(20)] ^= (byte) (1 + dice.nextInt(255));
        }
        Files.write(file, bytes);

        List<SpendEvent> found = drain(open(), 13);
        Set<SpendEvent> lost = new HashSet<>(events);
        found.forEach(lost::remove);
        assertThat(events).containsAll(found);
        assertThat(lost).hasSizeBetween(1, 8);
        assertThat(counts.setAside.sum()).isEqualTo(lost.size());
    }

    @Test
    void noiseInAFileIsNoEvent() throws IOException {
        byte[] noise = new byte[300_000];
        new Random(1).nextBytes(noise);
        Files.write(directory.resolve("00000000000000000000" + JournalSegment.SUFFIX), noise);
        JournalBacklog backlog = open();
        List<SpendEvent> events = put(backlog, 0, 5);
        assertThat(drain(backlog, 1000)).isEqualTo(events);
        assertThat(Files.readAllBytes(files(".set-aside").get(0))).isEqualTo(noise);
    }

    @Test
    void anEventOfALaterVersionIsSetAside() throws IOException {
        JournalBacklog backlog = open();
        put(backlog, 0, 1);
        crash(backlog);
        Path file = files(JournalSegment.SUFFIX).get(0);
        ByteBuffer content = ByteBuffer.allocate(100);
        byte[] later = new byte[40];
        later[8] = 99;
        JournalFrame.write(later, content);
        Files.write(file, Arrays.copyOf(content.array(), content.position()), StandardOpenOption.APPEND);

        assertThat(drain(open(), 1000)).hasSize(1);
        assertThat(counts.setAside.sum()).isEqualTo(1);
        assertThat(files(".set-aside")).hasSize(1);
    }

    @Test
    void whoDoesNotWaitIsToldWhenItIsOnTheDisk(@TempDir Path copies) throws Exception {
        JournalBacklog backlog = open();
        List<CompletableFuture<Boolean>> wereThere = new ArrayList<>();
        for (int i = 0; i < 40; i++) {
            int n = i;
            wereThere.add(backlog.putAsync(Backlog.Entry.of(event(i), null, START.toEpochMilli()))
                    .thenApply(nothing -> found(copies.resolve("copy-" + n)).contains(event(n).requestId())));
        }
        for (CompletableFuture<Boolean> wasThere : wereThere) {
            assertThat(wasThere.get(30, TimeUnit.SECONDS)).isTrue();
        }
        assertThat(drain(backlog, 7)).hasSize(40);
    }

    /** What a start on the files as they are now would find. */
    private Set<String> found(Path copy) {
        try (Stream<Path> files = Files.list(directory)) {
            Files.createDirectory(copy);
            for (Path file : files.toList()) {
                Files.copy(file, copy.resolve(file.getFileName()));
            }
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
        JournalBacklog started = new JournalBacklog(
                Journal.open(copy, policy(), new DeliveryCounts(), Runnable::run), 1_000, 1 << 20, bell);
        Set<String> found = new HashSet<>();
        drain(started, 1_000).forEach(event -> found.add(event.requestId()));
        started.close();
        started.closeFiles();
        return found;
    }

    @Test
    void whereTheDiskRefusesWhoDoesNotWaitIsToldToo() throws Exception {
        JournalBacklog backlog = open(policy().withBounds(10, 1 << 20, 128 << 10));
        backlog.putAsync(large(0)).get(30, TimeUnit.SECONDS);
        try (Stream<Path> files = Files.list(directory)) {
            for (Path file : files.toList()) {
                Files.delete(file);
            }
        }
        Files.delete(directory);
        // Too much for the file that is open, and there is no place for another.
        CompletableFuture<Void> next = backlog.putAsync(large(1));
        assertThatThrownBy(() -> next.get(30, TimeUnit.SECONDS))
                .hasRootCauseInstanceOf(NoSuchFileException.class)
                .hasStackTraceContaining("JournalException");
    }

    @Test
    void twoInstancesDoNotShareADirectory() {
        JournalBacklog backlog = open();
        assertThatThrownBy(this::open).isInstanceOf(JournalException.class).hasMessageContaining("another instance");
        backlog.close();
        backlog.closeFiles();
        open();
    }

    @Test
    void memoryIsBoundedWhileTheJournalHoldsMore() {
        DeliveryPolicy policy = policy().withBounds(10, 1 << 20, 10 << 20);
        JournalBacklog backlog = open(policy);
        List<SpendEvent> events = put(backlog, 0, 300);
        assertThat(backlog.state().rows()).isEqualTo(300);
        assertThat(backlog.state().bytes()).isLessThan(10 * 2_000);

        List<SpendEvent> found = new ArrayList<>();
        for (int i = 300; found.size() < events.size(); i++) {
            Backlog.Claim claim = backlog.poll(4);
            claim.entries().forEach(entry -> found.add(entry.event()));
            // More comes while what is on the disk is caught up with.
            if (i < 360) {
                events.addAll(put(backlog, i, i + 1));
            }
            assertThat(backlog.state().bytes()).isLessThan(20 * 2_000);
            backlog.done(claim);
        }
        assertThat(found).isEqualTo(events);
        assertThat(backlog.state()).isEqualTo(Backlog.State.EMPTY);
    }

    @Test
    void theBoundOnBytesHoldsAndSpaceComesBack() {
        DeliveryPolicy policy = policy().withBounds(10, 1 << 20, 1 << 20);
        JournalBacklog backlog = open(policy);
        int put = 0;
        int refused = 0;
        for (int round = 0; round < 5; round++) {
            try {
                while (true) {
                    backlog.put(large(put));
                    put++;
                }
            } catch (BacklogFullException e) {
                refused++;
                assertThat(e).hasMessageContaining("journal").hasMessageContaining("1048576");
            }
            assertThat(backlog.journalBytes()).isLessThanOrEqualTo(1 << 20);
            drain(backlog, 1000);
        }
        assertThat(put).isGreaterThan(5 * 70);
        assertThat(counts.refused.sum()).isEqualTo(refused).isEqualTo(5);
    }

    @Test
    void manyCallersLoseNothingAndInterruptsSpoilNothing() throws Exception {
        JournalBacklog backlog = open(policy().withBounds(50, 1 << 20, 1 << 30));
        List<SpendEvent> accepted = Collections.synchronizedList(new ArrayList<>());
        AtomicInteger numbers = new AtomicInteger();
        List<Thread> callers = new ArrayList<>();
        for (int t = 0; t < 16; t++) {
            Thread caller = new Thread(() -> {
                for (int i = 0; i < 60; i++) {
                    SpendEvent event = event(numbers.getAndIncrement());
                    if (i % 10 == 0) {
                        Thread.currentThread().interrupt();
                    }
                    backlog.put(Backlog.Entry.of(event, null, START.toEpochMilli()));
                    accepted.add(event);
                    assertThat(Thread.interrupted()).isEqualTo(i % 10 == 0);
                }
            });
            callers.add(caller);
            caller.start();
        }
        Set<UUID> found = new HashSet<>();
        while (callers.stream().anyMatch(Thread::isAlive) || backlog.waiting() > 0) {
            drain(backlog, 100)
                    .forEach(event -> assertThat(found.add(event.id())).isTrue());
        }
        for (Thread caller : callers) {
            caller.join();
        }
        assertThat(accepted).hasSize(16 * 60);
        assertThat(found).hasSize(16 * 60);
        assertThat(counts.setAside.sum()).isZero();
        backlog.close();
        backlog.closeFiles();
        assertThat(files(JournalSegment.SUFFIX)).isEmpty();
    }

    @Test
    void halfCharactersComeBackAsTheyWere() {
        SpendEvent event = event(0).toBuilder()
                .endUser("a\uD83Db\uDE00 \uD83D\uDE00 \u00fc\uD83D")
                .build();
        assertThat(EventCodec.decode(EventCodec.encode(event)).endUser()).isEqualTo(event.endUser());
        assertThat(EventCodec.decode(EventCodec.encode(event))).isEqualTo(event);
    }
}
