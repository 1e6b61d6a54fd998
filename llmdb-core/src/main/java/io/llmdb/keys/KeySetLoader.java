package io.llmdb.keys;

import io.llmdb.error.LlmDbException;
import io.llmdb.internal.Db;
import java.sql.PreparedStatement;
import java.sql.ResultSet;
import java.util.concurrent.atomic.AtomicReference;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Keeps the set of all keys' hashes while it is needed: from the first flood of unknown keys on. Made in the background from one scan; the
 * change feed adds what is new, from before the scan on, so that no key that was committed before the feed was last read is missing.
 *
 * <p>Safe for use by several threads.
 */
final class KeySetLoader {

    private static final int ROWS_PER_FETCH = 10_000;

    private static final String COUNT =
            """
            SELECT (SELECT count(*) FROM ${llmdb}."LLM_VerificationToken")
                 + (SELECT count(*) FROM ${llmdb}."LLM_DeprecatedVerificationToken")""";

    private static final String SCAN =
            """
            SELECT token FROM ${llmdb}."LLM_VerificationToken"
            UNION ALL
            SELECT token FROM ${llmdb}."LLM_DeprecatedVerificationToken\"""";

    private static final Logger LOG = LoggerFactory.getLogger(KeySetLoader.class);

    private final Db db;
    private final String count;
    private final String scan;
    private final AtomicReference<State> state = new AtomicReference<>(State.NONE);

    /**
     * @param set the set; null: there is none
     * @param isComplete whether it holds all keys; false while it is being made
     * @param isFailed whether it could not be made; tried again after the next loss
     */
    private record State(@Nullable KeySet set, boolean isComplete, boolean isFailed) {

        static final State NONE = new State(null, false, false);
    }

    KeySetLoader(Db db) {
        this.db = db;
        this.count = db.sql().of(COUNT);
        this.scan = db.sql().of(SCAN);
    }

    /** The set, if there is one that holds all keys. */
    @Nullable KeySet complete() {
        State now = state.get();
        return now.isComplete ? now.set : null;
    }

    /** Notes new or changed keys; those that are gone do not matter. */
    void add(Iterable<KeyDigest> keys) {
        KeySet set = state.get().set;
        if (set != null) {
            keys.forEach(set::add);
            if (set.isFull()) {
                forget();
            }
        }
    }

    /** Drops the set: it may miss keys. */
    void forget() {
        state.set(State.NONE);
    }

    /** Begins to make the set in a thread of its own, if nobody has. */
    void request() {
        if (state.get() != State.NONE) {
            return;
        }
        State making = new State(null, false, false);
        if (state.compareAndSet(State.NONE, making)) {
            Thread thread = new Thread(() -> make(making), "llmdb-key-set");
            thread.setDaemon(true);
            thread.start();
        }
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
                LOG.warn("{} keys are too many to be kept in memory; unknown keys are looked up at a limited rate", keys);
                state.compareAndSet(making, new State(null, false, true));
                return;
            }
            State filling = new State(KeySet.forKeys(room), false, false);
            if (state.compareAndSet(making, filling)) {
                fill(filling);
            }
        } catch (LlmDbException e) {
            LOG.debug("The set of all keys could not be made: {}", e.getMessage());
            forget();
        }
    }

    private void fill(State filling) {
        KeySet set = filling.set;
        if (set == null) {
            return;
        }
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
        state.compareAndSet(filling, new State(set, true, false));
    }
}
