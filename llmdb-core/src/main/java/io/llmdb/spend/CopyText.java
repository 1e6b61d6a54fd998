package io.llmdb.spend;

import java.math.BigDecimal;
import java.nio.charset.StandardCharsets;
import java.time.Instant;
import java.util.UUID;
import org.jspecify.annotations.Nullable;

/** Rows in the text format of PostgreSQL's COPY. */
final class CopyText {

    private static final char FIELD_END = '\t';

    private final StringBuilder out;
    private boolean first = true;

    CopyText(int expectedChars) {
        this.out = new StringBuilder(expectedChars);
    }

    CopyText text(@Nullable String value) {
        next();
        if (value == null) {
            out.append("\\N");
            return this;
        }
        for (int i = 0; i < value.length(); i++) {
            char c = value.charAt(i);
            switch (c) {
                case '\\' -> out.append("\\\\");
                case '\n' -> out.append("\\n");
                case '\r' -> out.append("\\r");
                case '\t' -> out.append("\\t");
                default -> out.append(c);
            }
        }
        return this;
    }

    /** An empty text is stored as NULL, as the columns that may be null mean it. */
    CopyText textOrNull(String value) {
        return text(value.isEmpty() ? null : value);
    }

    CopyText number(long value) {
        next();
        out.append(value);
        return this;
    }

    CopyText decimal(BigDecimal value) {
        next();
        out.append(value.toPlainString());
        return this;
    }

    CopyText uuid(UUID value) {
        next();
        out.append(value);
        return this;
    }

    /** ISO 8601 with Z, which every session reads the same way, whatever its time zone and date style. */
    CopyText instant(@Nullable Instant value) {
        next();
        out.append(value == null ? "\\N" : value.toString());
        return this;
    }

    CopyText endRow() {
        out.append('\n');
        first = true;
        return this;
    }

    byte[] toBytes() {
        return out.toString().getBytes(StandardCharsets.UTF_8);
    }

    private void next() {
        if (!first) {
            out.append(FIELD_END);
        }
        first = false;
    }
}
