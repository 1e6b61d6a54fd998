package io.llmdb.examples.benchmarks;

import com.github.benmanes.caffeine.cache.Cache;
import com.github.benmanes.caffeine.cache.Caffeine;
import io.llmdb.LlmDb;
import io.llmdb.keys.Caller;
import io.llmdb.keys.VirtualKeySpec;
import io.llmdb.testkit.PostgresServer;
import io.llmdb.testkit.TestDatabase;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.util.HexFormat;
import java.util.concurrent.TimeUnit;
import org.openjdk.jmh.annotations.Benchmark;
import org.openjdk.jmh.annotations.BenchmarkMode;
import org.openjdk.jmh.annotations.Fork;
import org.openjdk.jmh.annotations.Level;
import org.openjdk.jmh.annotations.Measurement;
import org.openjdk.jmh.annotations.Mode;
import org.openjdk.jmh.annotations.OutputTimeUnit;
import org.openjdk.jmh.annotations.Scope;
import org.openjdk.jmh.annotations.Setup;
import org.openjdk.jmh.annotations.State;
import org.openjdk.jmh.annotations.TearDown;
import org.openjdk.jmh.annotations.Warmup;
import org.openjdk.jmh.infra.Blackhole;

/** What it costs to tell who calls, where that is in memory. A thousand keys in turn. */
@SuppressWarnings("NullAway") // JMH sets up what the fields hold
@State(Scope.Benchmark)
@BenchmarkMode(Mode.AverageTime)
@OutputTimeUnit(TimeUnit.NANOSECONDS)
@Warmup(iterations = 3, time = 1)
@Measurement(iterations = 5, time = 1)
@Fork(1)
public class AuthenticateHits {

    private static final int KEYS = 1024;

    private final String[] rawKeys = new String[KEYS];
    private final Cache<ByteBuffer, String> byBytes =
            Caffeine.newBuilder().maximumSize(100_000).build();
    private final Cache<String, String> byText =
            Caffeine.newBuilder().maximumSize(100_000).build();
    private PostgresServer server;
    private TestDatabase database;
    private LlmDb db;
    private int next;

    /** Makes the keys and reads each once. */
    @Setup(Level.Trial)
    public void open() {
        server = PostgresServer.startEmbedded(java.util.Map.of());
        database = server.newDatabase("llmdb");
        db = database.open();
        for (int i = 0; i < KEYS; i++) {
            rawKeys[i] = db.admin().keys().create(VirtualKeySpec.of("k" + i)).rawKey();
            byBytes.put(ByteBuffer.wrap(sha256(rawKeys[i])), rawKeys[i]);
            byText.put(HexFormat.of().formatHex(sha256(rawKeys[i])), rawKeys[i]);
        }
        db.catchUp();
        for (String rawKey : rawKeys) {
            db.authenticate(rawKey);
        }
    }

    /** Closes everything. */
    @TearDown(Level.Trial)
    public void close() {
        db.close();
        database.close();
        server.close();
    }

    private String rawKey() {
        next = (next + 1) & (KEYS - 1);
        return rawKeys[next];
    }

    private static byte[] sha256(String rawKey) {
        try {
            return MessageDigest.getInstance("SHA-256").digest(rawKey.getBytes(StandardCharsets.UTF_8));
        } catch (NoSuchAlgorithmException e) {
            throw new IllegalStateException(e);
        }
    }

    /**
     * The floor: SHA-256 of the key and one look-up by its bytes.
     *
     * @return what was found
     */
    @Benchmark
    public String floorHashAndLookUp() {
        return byBytes.getIfPresent(ByteBuffer.wrap(sha256(rawKey())));
    }

    /**
     * The same by the hash's text, as the column has it.
     *
     * @return what was found
     */
    @Benchmark
    public String floorHexHashAndLookUp() {
        return byText.getIfPresent(HexFormat.of().formatHex(sha256(rawKey())));
    }

    /**
     * Ours.
     *
     * @param hole takes the caller
     */
    @Benchmark
    public void llmdbAuthenticate(Blackhole hole) {
        Caller caller = db.authenticate(rawKey());
        hole.consume(caller);
    }
}
