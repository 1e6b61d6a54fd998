package io.llmdb.keys;

import io.llmdb.internal.Db;
import java.sql.PreparedStatement;
import java.sql.ResultSet;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Keeps the set of all keys' hashes while it is needed: from the first flood of unknown keys on. Made in the background
 * from one scan; the change feed adds what is new, from before the scan on, so that no key that was committed before
 * the feed was last read is missing.
 *
 * <p>Safe for use by several threads.
 */
final class KeySetLoader {

    private static final int ROWS_PER_FETCH = 10_000;

    private static final String COUNT = """
            SELECT (SELECT count(*) FROM ${llmdb}."LLM_VerificationToken")
                 + (SELECT count(*) FROM ${llmdb}."LLM_DeprecatedVerificationToken")""";

    private static final String SCAN = """
            SELECT token FROM ${llmdb}."LLM_VerificationToken"
            UNION ALL
            SELECT token FROM ${llmdb}."LLM_DeprecatedVerificationToken\"""";

    private static final Logger LOG = LoggerFactory.getLogger(KeySetLoader.class);

    private final Db db;
    private final String count;
    private final String scan;
    private volatile State state = new State(null, Progress.NONE);

    private enum Progress {
        NONE,
        MAKING,
        COMPLETE,
        TOO_MANY
    }

    /**
     * @param set the set; null: there is none yet
     * @param progress only a complete set holds all keys
     */
    private record State(@Nullable KeySet set, Progress progress) {}

    KeySetLoader(Db db) {
        this.db = db;
        this.count = db.sql().of(COUNT);
        this.scan = db.sql().of(SCAN);
    }

    /** The set, if there is one that holds all keys. */
    @Nullable
    KeySet complete() {
        State now = state;
        return now.progress == Progress.COMPLETE ? now.set : null;
    }

    /** Notes new or changed keys; those that are gone do not matter. */
    void add(Iterable<KeyDigest> keys) {
        KeySet set = state.set;
        if (set != null) {
            keys.forEach(set::add);
            if (set.isFull()) {
                forget();
            }
        }
    }

    /** Drops the set: it may miss keys. */
    synchronized void forget() {
        state = new State(null, Progress.NONE);
    }

    /** Begins to make the set in a thread of its own, if nobody has. */
    void request() {
        State now = state;
        if (now.progress != Progress.NONE) {
            return;
        }
        State making = new State(null, Progress.MAKING);
        if (replace(now, making)) {
            Thread thread = new Thread(() -> make(making), "llmdb-key-set");
            thread.setDaemon(true);
            thread.start();
        }
    }

    /** Goes on only where nobody has dropped the set meanwhile. */
    @SuppressWarnings("ReferenceEquality") // Two attempts to make a set are equal, but not the same.
    private synchronized boolean replace(State before, State after) {
        if (state != before) {
            return false;
        }
        state = after;
        return true;
    }

    private void make(State making) {
        try {
            long keys = db.transaction(tx -> {
                try (PreparedStatement statement = tx.connection().prepareStatement(count);
                        ResultSet rows = statement.executeQuery()) {
                    rows.next();
                    return rows.getLong(1);
                }
            });
            // Room for as many again, and for all that come in a busy hour.
            long room = keys * 2 + 10_000;
            if (!KeySet.canHold(room)) {
                LOG.warn(
                        "{} keys are too many to be kept in memory; unknown keys are looked up at a limited rate",
                        keys);
                replace(making, new State(null, Progress.TOO_MANY));
                return;
            }
            KeySet set = KeySet.forKeys(room);
            State filling = new State(set, Progress.MAKING);
            if (replace(making, filling)) {
                fill(set);
                replace(filling, new State(set, Progress.COMPLETE));
            }
        } catch (RuntimeException e) {
            LOG.debug("The set of all keys could not be made: {}", e.getMessage());
            forget();
        }
    }

    private void fill(KeySet set) {
        db.transaction(tx -> {
            try (PreparedStatement statement = tx.connection().prepareStatement(scan)) {
                statement.setFetchSize(ROWS_PER_FETCH);
                try (ResultSet rows = statement.executeQuery()) {
                    while (rows.next()) {
                        KeyDigest digest = KeyDigest.ofHash(rows.getString(1));
                        if (digest != null) {
                            set.add(digest);
                        }
                    }
                }
            }
            return true;
        });
    }
}
