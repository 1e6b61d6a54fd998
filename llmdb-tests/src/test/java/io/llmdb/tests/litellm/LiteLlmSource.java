package io.llmdb.tests.litellm;

import io.llmdb.keys.KeyHash;
import io.llmdb.testkit.PostgresServer;
import io.llmdb.testkit.TestDatabase;
import java.io.IOException;
import java.io.InputStream;
import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;
import java.sql.Connection;
import java.sql.SQLException;
import java.sql.Statement;
import java.util.Locale;
import java.util.Map;
import java.util.Objects;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import javax.sql.DataSource;

/** A database as LiteLLM makes it, of one of three versions. */
final class LiteLlmSource implements AutoCloseable {

    static final String SALT_KEY = "sk-salt-of-the-source";

    /** Raw keys that were issued there, by the name that the SQL has for their hash. */
    static final Map<String, String> KEYS = Map.of(
            "anna", "sk-anna-0000000000000001",
            "upper", "sk-upper-000000000000001",
            "twice", "sk-twice-000000000000001",
            "expired", "sk-expired-0000000000001",
            "blocked", "sk-blocked-0000000000001",
            "spent", "sk-spent-000000000000001",
            "orphan", "sk-orphan-00000000000001",
            "grace", "sk-grace-000000000000001",
            "over", "sk-over-0000000000000001",
            "deleted", "sk-deleted-0000000000001");

    static final String STORED_RAW = "sk-stored-raw-000000000001";

    private static final Pattern PLACE = Pattern.compile("\\$\\{([^}]+)}");

    final TestDatabase database;

    private LiteLlmSource(TestDatabase database) {
        this.database = database;
    }

    static LiteLlmSource ofVersion(String... scripts) {
        return on(PostgresServer.shared(), scripts);
    }

    static LiteLlmSource on(PostgresServer server, String... scripts) {
        LiteLlmSource source = new LiteLlmSource(server.newEmptyDatabase("none"));
        for (String script : scripts) {
            source.run(script);
        }
        return source;
    }

    static LiteLlmSource withOddValues() {
        return ofVersion("1_50", "1_70", "newest", "odd_values");
    }

    static String hash(String name) {
        return KeyHash.of(Objects.requireNonNull(KEYS.get(name)));
    }

    void run(String script) {
        execute(filled(text(script)));
    }

    void execute(String sql) {
        try (Connection connection = database.dataSource().getConnection();
                Statement statement = connection.createStatement()) {
            // As LiteLLM means its times.
            statement.execute("SET timezone = 'UTC'");
            statement.execute(filled(sql));
        } catch (SQLException e) {
            throw new IllegalStateException(e);
        }
    }

    long count(String table) {
        return database.value(Long.class, "SELECT count(*) FROM \"" + table + "\"");
    }

    DataSource dataSource() {
        return database.dataSource();
    }

    private static String text(String script) {
        try (InputStream in = Objects.requireNonNull(LiteLlmSource.class.getResourceAsStream(script + ".sql"))) {
            return new String(in.readAllBytes(), StandardCharsets.UTF_8);
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    private static String filled(String sql) {
        Matcher place = PLACE.matcher(sql);
        return place.replaceAll(found -> Matcher.quoteReplacement(value(found.group(1))));
    }

    private static String value(String name) {
        if (name.contains(" ")) {
            String plaintext = name.substring(name.indexOf(' ') + 1);
            return switch (name.substring(0, name.indexOf(' '))) {
                case "v3" -> Ciphertexts.v3(SALT_KEY, plaintext);
                case "v2" -> Ciphertexts.v2(SALT_KEY, plaintext);
                default -> Ciphertexts.secretBox(SALT_KEY, plaintext);
            };
        }
        return switch (name) {
            case "upper" -> hash("upper").toUpperCase(Locale.ROOT);
            case "upper_as_hash" -> hash("upper");
            case "raw_as_hash" -> KeyHash.of(STORED_RAW);
            case "dangling" -> KeyHash.of("sk-dangling");
            case "credential" -> Ciphertexts.v3(SALT_KEY, "provider-secret-credential");
            default -> hash(name);
        };
    }

    @Override
    public void close() {
        database.close();
    }
}
