package io.llmdb.settings;

import io.llmdb.schema.SchemaMigrator;
import java.time.Duration;
import java.util.Objects;
import org.jspecify.annotations.Nullable;

/**
 * How the database is reached.
 *
 * @param databaseUrl {@code general_settings.database_url}: null where none is set, because the application brings a
 *     data source
 * @param poolLimit {@code general_settings.database_connection_pool_limit}: the most connections of one instance
 * @param connectionTimeout {@code general_settings.database_connection_timeout}: the longest wait for a connection
 * @param schema {@code llmdb.schema}: the schema that holds our tables
 * @param statementTimeout {@code llmdb.statement_timeout}: how long a connection of our own pool waits for an answer;
 *     null: no limit
 */
public record ConnectionSettings(
        @Nullable DatabaseUrl databaseUrl,
        int poolLimit,
        Duration connectionTimeout,
        String schema,
        @Nullable Duration statementTimeout) {

    /** Connections of one instance. */
    public static final int DEFAULT_POOL_LIMIT = 10;

    /** Longest wait for a connection. */
    public static final Duration DEFAULT_CONNECTION_TIMEOUT = Duration.ofSeconds(60);

    /** The schema's name. */
    public static final String DEFAULT_SCHEMA = SchemaMigrator.DEFAULT_SCHEMA;

    /** Longest time of one statement on a request's way. */
    public static final Duration DEFAULT_STATEMENT_TIMEOUT = Duration.ofSeconds(60);

    /** Checks that what cannot be absent is there. */
    public ConnectionSettings {
        Objects.requireNonNull(connectionTimeout, "connectionTimeout");
        Objects.requireNonNull(schema, "schema");
    }

    static ConnectionSettings of(Values values) {
        return new ConnectionSettings(
                values.find(Known.DATABASE_URL),
                values.get(Known.POOL_LIMIT),
                values.get(Known.CONNECTION_TIMEOUT),
                values.get(Known.SCHEMA),
                values.find(Known.STATEMENT_TIMEOUT));
    }

    /** Sets them from the application; wins over every other source. Not safe for use by several threads. */
    public static final class Builder {

        private final Overrides overrides;

        Builder(Overrides overrides) {
            this.overrides = overrides;
        }

        /**
         * Where the database is.
         *
         * @param value a URL in one of the forms of {@link DatabaseUrl}; null for none: the application brings a data
         *     source
         * @return this
         */
        public Builder databaseUrl(@Nullable String value) {
            overrides.putText(Known.DATABASE_URL, value);
            return this;
        }

        /**
         * The most connections of one instance.
         *
         * @param value from 1 to 10,000
         * @return this
         */
        public Builder poolLimit(int value) {
            overrides.put(Known.POOL_LIMIT, value);
            return this;
        }

        /**
         * The longest wait for a connection.
         *
         * @param value from 250 ms to an hour
         * @return this
         */
        public Builder connectionTimeout(Duration value) {
            overrides.put(Known.CONNECTION_TIMEOUT, value);
            return this;
        }

        /**
         * The schema that holds our tables.
         *
         * @param value a letter or underscore, then letters, digits, {@code _ $ -}, at most 63 characters, not
         *     beginning with {@code pg_}
         * @return this
         */
        public Builder schema(String value) {
            overrides.put(Known.SCHEMA, value);
            return this;
        }

        /**
         * How long a connection of our own pool waits for an answer; then it is given up.
         *
         * @param value from a second to a day; null for no limit
         * @return this
         */
        public Builder statementTimeout(@Nullable Duration value) {
            overrides.put(Known.STATEMENT_TIMEOUT, value);
            return this;
        }
    }
}
