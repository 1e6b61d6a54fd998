package io.llmdb.litellm;

import io.llmdb.internal.Ids;
import io.llmdb.internal.Json;
import io.llmdb.litellm.Tally.ValueFate;
import java.math.BigDecimal;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.security.MessageDigest;
import java.time.Instant;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.UUID;
import java.util.regex.Pattern;
import org.jspecify.annotations.Nullable;

/** One row of the spend log: what it says, and the line that is written for it. */
final class LogRow {

    private static final int FIELDS = LogColumns.values().length + 1;
    private static final LogColumns[] COLUMNS = LogColumns.values();

    /** Raw keys, wherever a proxy wrote one down. */
    static final Pattern RAW_KEY = Pattern.compile("sk-[A-Za-z0-9_-]{16,}");

    static final String RAW_KEY_GONE = "sk-redacted";

    private final List<String> there;
    private final String[] here = new String[COLUMNS.length];
    private final @Nullable String[] changes = new @Nullable String[COLUMNS.length];
    private final String extras;
    private final UUID id;
    private final long digest;
    private final Instant start;
    private final BigDecimal spend;
    private final List<String> tags = new ArrayList<>();
    private String errorType = "";
    private String errorCode = "";

    /**
     * @param line the line of the stream
     * @param fallback the start of a row that names no usable time
     * @param ordinal of rows with the same request_id and startTime, from 0
     */
    LogRow(String line, MessageDigest sha256, Instant fallback, int ordinal) {
        this.there = CopyText.split(line, FIELDS);
        this.extras = there.get(FIELDS - 1);
        for (LogColumns column : COLUMNS) {
            here[column.ordinal()] = plain(column, there.get(column.ordinal()));
        }
        this.start = times(fallback);
        ByteBuffer hash = hash(sha256, key(line) + (ordinal == 0 ? "" : "\t" + ordinal));
        this.id = Ids.derived(start, hash.getLong(), hash.getLong());
        this.digest = hash.getLong();
        this.spend = amount();
        apiKey();
        if (CopyText.isNull(here[LogColumns.STATUS.ordinal()])) {
            // Before there was a status, only requests that succeeded were logged.
            here[LogColumns.STATUS.ordinal()] = "success";
        }
        readTags();
        withoutSecrets(LogColumns.METADATA);
        withoutSecrets(LogColumns.REQUEST);
        if (isFailure()) {
            error();
        }
        leftovers();
    }

    /** What identifies a row over there: its first field and its start. */
    static String key(String line) {
        int at = 0;
        for (int i = 0; i < LogColumns.START.ordinal(); i++) {
            at = line.indexOf('\t', at) + 1;
        }
        return line.substring(0, line.indexOf('\t')) + '\t' + line.substring(at, line.indexOf('\t', at));
    }

    private static ByteBuffer hash(MessageDigest sha256, String text) {
        return ByteBuffer.wrap(sha256.digest(text.getBytes(StandardCharsets.UTF_8)));
    }

    /** What a value becomes that nothing is wrong with. */
    private String plain(LogColumns column, String field) {
        boolean absent = CopyText.isNull(field);
        return switch (column.kind()) {
            case TEXT -> absent ? "" : field;
            case NUMBER -> absent ? "0" : field;
            case OPTIONAL -> field.isEmpty() ? changed(column, CopyText.NULL, "an empty text means none") : field;
            case JSON ->
                field.equals("{}") || field.equals("[]")
                        ? changed(column, CopyText.NULL, "an empty " + field + " means none")
                        : field;
            case TIME -> absent ? field : time(column, field);
        };
    }

    private String time(LogColumns column, String field) {
        String utc = Times.utc(field);
        return utc == null ? changed(column, CopyText.NULL, "no time that can be kept") : utc;
    }

    /** The same in every run, because the id follows from it. */
    private Instant times(Instant fallback) {
        Instant named = Times.start(there.get(LogColumns.START.ordinal()));
        Instant end = Times.start(there.get(LogColumns.END.ordinal()));
        Instant instead = end != null && !end.isAfter(fallback) ? end : fallback;
        Instant used = named != null ? named : instead;
        if (named == null) {
            set(
                    LogColumns.START,
                    used.toString(),
                    "before the year 2000 or no time: "
                            + (instead.equals(fallback) ? "the first import's moment is used" : "endTime is used"));
        }
        if (CopyText.isNull(here[LogColumns.END.ordinal()])) {
            here[LogColumns.END.ordinal()] = used.toString();
        }
        return used;
    }

    private BigDecimal amount() {
        String field = here[LogColumns.SPEND.ordinal()];
        BigDecimal amount = Row.decimal(field);
        if (amount == null || amount.precision() - amount.scale() > 30) {
            set(LogColumns.SPEND, "0", field + " is no amount: 0");
            return BigDecimal.ZERO;
        }
        return amount;
    }

    private void apiKey() {
        String field = here[LogColumns.API_KEY.ordinal()];
        String hash = Row.hashOf(field);
        if (!hash.equals(field)) {
            set(
                    LogColumns.API_KEY,
                    hash,
                    field.startsWith("sk-") ? "a raw key: its hash is kept" : "written in lower case");
        }
    }

    private void readTags() {
        String field = here[LogColumns.TAGS.ordinal()];
        if (CopyText.isNull(field)) {
            return;
        }
        Object json = Json.value(CopyText.value(field));
        String reason = null;
        if (json instanceof String text && text.startsWith("[")) {
            json = Json.value(text);
            reason = "a list that was written as a text";
        }
        if (!(json instanceof List<?> list)) {
            set(LogColumns.TAGS, CopyText.NULL, "no list, so there are no tags");
            return;
        }
        for (Object tag : list) {
            if (tag instanceof String text) {
                tags.add(text);
            } else {
                reason = "what is no text within the list is written as one";
                if (tag != null) {
                    tags.add(Json.write(tag));
                }
            }
        }
        if (tags.isEmpty()) {
            set(LogColumns.TAGS, CopyText.NULL, "an empty list means none");
        } else if (reason != null) {
            set(LogColumns.TAGS, CopyText.field(Json.write(tags)), reason);
        }
    }

    private void withoutSecrets(LogColumns column) {
        String field = here[column.ordinal()];
        if (field.contains("sk-") && RAW_KEY.matcher(field).find()) {
            set(column, RAW_KEY.matcher(field).replaceAll(RAW_KEY_GONE), "raw keys within are redacted");
        }
    }

    private void error() {
        Object json = Json.value(CopyText.value(here[LogColumns.METADATA.ordinal()]));
        if (json instanceof Map<?, ?> map && map.get("error_information") instanceof Map<?, ?> error) {
            errorType = error.get("error_class") instanceof String text ? text : "";
            Object code = error.get("error_code");
            errorCode = code == null ? "" : String.valueOf(code);
        }
    }

    /** What has no place goes into the metadata. */
    private void leftovers() {
        if (CopyText.isNull(extras)) {
            return;
        }
        int at = LogColumns.METADATA.ordinal();
        Object json = Json.value(CopyText.value(here[at]));
        Map<String, @Nullable Object> with = new LinkedHashMap<>();
        if (json instanceof Map<?, ?> map) {
            map.forEach((name, value) -> with.put(String.valueOf(name), value));
        } else if (json != null) {
            with.put("metadata", json);
        }
        with.put(Row.LEFTOVERS, Json.value(CopyText.value(extras)));
        here[at] = CopyText.field(Json.write(with));
        changes[at] = changes[at] == null ? "" : changes[at];
    }

    private String changed(LogColumns column, String value, String reason) {
        changes[column.ordinal()] = reason;
        return value;
    }

    private void set(LogColumns column, String field, String reason) {
        here[column.ordinal()] = field;
        changes[column.ordinal()] = reason;
    }

    UUID id() {
        return id;
    }

    Instant start() {
        return start;
    }

    BigDecimal spend() {
        return spend;
    }

    /** Each tag once. */
    List<String> tags() {
        return tags.stream().filter(tag -> !tag.isEmpty()).distinct().toList();
    }

    boolean isFailure() {
        return here[LogColumns.STATUS.ordinal()].equals("failure");
    }

    String errorType() {
        return errorType;
    }

    String errorCode() {
        return errorCode;
    }

    /** A value here; empty where there is none. */
    String text(LogColumns column) {
        String value = CopyText.value(here[column.ordinal()]);
        return value == null ? "" : value;
    }

    long number(LogColumns column) {
        return Long.parseLong(here[column.ordinal()]);
    }

    /** Appends the line that is written. */
    void appendTo(StringBuilder lines) {
        lines.append(id);
        for (String field : here) {
            lines.append('\t').append(field);
        }
        lines.append('\t').append(digest).append('\n');
    }

    void count(Tally tally, boolean written) {
        String name = there.get(0);
        for (LogColumns column : COLUMNS) {
            int at = column.ordinal();
            if (CopyText.isNull(there.get(at))) {
                continue;
            }
            String change = changes[at];
            if (!written) {
                tally.value(column.column(), ValueFate.IN_OTHER_ROW, "", null);
            } else if (change == null || change.isEmpty()) {
                tally.value(column.column(), ValueFate.CARRIED, "", null);
            } else {
                tally.value(column.column(), ValueFate.CHANGED, change, name);
            }
        }
        if (!CopyText.isNull(extras) && Json.value(CopyText.value(extras)) instanceof Map<?, ?> map) {
            map.forEach((column, value) -> tally.value(
                    String.valueOf(column),
                    written ? ValueFate.CHANGED : ValueFate.IN_OTHER_ROW,
                    "llmdb has no such column: kept in metadata." + Row.LEFTOVERS,
                    name));
        }
    }
}
