package io.llmdb.litellm;

import io.llmdb.litellm.Row.Counted;
import io.llmdb.litellm.Tally.Fate;
import java.math.BigDecimal;
import java.time.Instant;
import org.jspecify.annotations.Nullable;

/** A row that waits for its batch. */
final class PendingRow {
    final Row row;
    final CounterName id;
    final String digest;
    Fate fate = Fate.SKIPPED;
    String reason = "";

    /** The end of the window whose spend is what the log rows say; null: there is none. */
    @Nullable
    Instant logWindowEnd;

    PendingRow(Row row, CounterName id, String digest) {
        this.row = row;
        this.id = id;
        this.digest = digest;
    }

    void becomes(Fate value, String why) {
        fate = value;
        reason = why;
    }

    private static final Counted NOT_COUNTED = new Counted(null, null, null, null, null, false);

    /** What its counter has; nothing where it has none. */
    Counted counted() {
        Counted counted = row.counted();
        return counted == null ? NOT_COUNTED : counted;
    }

    /** What is known of a row from earlier runs, and what is here. */
    record State(
            @Nullable String sourceDigest,
            @Nullable String targetDigest,
            @Nullable BigDecimal spend,
            @Nullable BigDecimal total,
            @Nullable Instant resetAt,
            long run,
            @Nullable String digestNow,
            @Nullable Instant logWindowEnd,
            boolean isBare) {

        boolean here() {
            return digestNow != null;
        }

        boolean isKnown() {
            return sourceDigest != null;
        }
    }
}
