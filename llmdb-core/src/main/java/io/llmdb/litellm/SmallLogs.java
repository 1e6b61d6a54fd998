package io.llmdb.litellm;

import io.llmdb.error.LlmDbException;
import io.llmdb.internal.Db;
import io.llmdb.internal.Ids;
import io.llmdb.internal.Json;
import io.llmdb.litellm.Tally.Fate;
import io.llmdb.litellm.Tally.ValueFate;
import io.llmdb.spend.Partitions;
import java.nio.ByteBuffer;
import java.sql.PreparedStatement;
import java.sql.ResultSet;
import java.sql.SQLException;
import java.time.Instant;
import java.time.LocalDate;
import java.time.ZoneOffset;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.HexFormat;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.UUID;
import java.util.function.LongConsumer;
import java.util.stream.Collectors;
import org.jspecify.annotations.Nullable;

/** Brings the error log and the audit log. Their rows never change, so one that is here stays as it is. */
final class SmallLogs {

    private static final int BATCH = 500;

    private static final Set<String> ACTIONS =
            Set.of("created", "updated", "deleted", "rotated", "blocked", "unblocked");

    private final Db db;
    private final Source source;
    private final Partitions partitions;
    private final Instant fallback;
    private final LongConsumer progress;
    private final Set<LocalDate> withPartition = new HashSet<>();

    SmallLogs(Db db, Source source, Partitions partitions, Instant fallback, LongConsumer progress) {
        this.db = db;
        this.source = source;
        this.partitions = partitions;
        this.fallback = fallback;
        this.progress = progress;
    }

    private interface Translator {
        void translate(Row row);
    }

    void errors(Source.Table table, Tally tally) throws SQLException {
        run(
                table,
                tally,
                "LLM_ErrorLogs",
                List.of(
                        "id",
                        "request_id",
                        "startTime",
                        "endTime",
                        "api_base",
                        "model_group",
                        "llm_model_name",
                        "model_id",
                        "request_kwargs",
                        "exception_type",
                        "exception_string",
                        "status_code"),
                this::error);
    }

    private void error(Row row) {
        row.textOr("request_id", "");
        Instant start = start(row, "startTime");
        row.put("startTime", start.toString());
        row.timeOr("endTime", start);
        for (String text : List.of("api_base", "model_group", "model_id", "exception_type", "status_code")) {
            row.textOr(text, "");
        }
        row.put("llm_model_name", row.rawOr("litellm_model_name", ""));
        row.carried("litellm_model_name");
        row.put("exception_string", withoutSecrets(row, "exception_string", row.rawOr("exception_string", "")));
        row.put("request_kwargs", json(row, "request_kwargs"));
        if (row.here().get("request_kwargs") == null) {
            row.put("request_kwargs", Map.of());
        }
        row.put("id", id(start, "error\t" + row.raw("request_id") + "\t" + row.raw("startTime")));
        if (row.raw("exception_string") != null && !row.outcomes().containsKey("exception_string")) {
            row.carried("exception_string");
        }
        LocalDate day = LocalDate.ofInstant(start, ZoneOffset.UTC);
        if (withPartition.add(day)) {
            partitions.ensure(day);
        }
        row.rest(null);
    }

    void audit(Source.Table table, Tally tally) throws SQLException {
        run(
                table,
                tally,
                "LLM_AuditLog",
                List.of(
                        "id",
                        "updated_at",
                        "changed_by",
                        "changed_by_api_key",
                        "action",
                        "table_name",
                        "object_id",
                        "before_value",
                        "updated_values"),
                this::audit);
    }

    private void audit(Row row) {
        Instant at = start(row, "updated_at");
        row.put("updated_at", at.toString());
        row.textOr("changed_by", "");
        String key = row.keyHash("changed_by_api_key");
        row.put("changed_by_api_key", key == null ? "" : key);
        String action = row.rawOr("action", "");
        row.put("action", ACTIONS.contains(action) ? action : "updated");
        row.carried("action");
        if (!ACTIONS.contains(action)) {
            row.changed("action", "\"" + action + "\" is called updated");
        }
        String name = row.rawOr("table_name", "");
        row.put("table_name", name.replaceFirst("^LiteLLM_", "LLM_"));
        row.carried("table_name");
        if (name.startsWith(Source.PREFIX)) {
            row.changed("table_name", "by the table's name here");
        }
        row.put("object_id", row.keyHash("object_id"));
        row.here().computeIfAbsent("object_id", any -> "");
        row.put("before_value", json(row, "before_value"));
        row.put("updated_values", json(row, "updated_values"));
        row.carried("id");
        row.put("id", id(at, "audit\t" + row.raw("id")));
        row.changed("id", "a UUID that follows from it and sorts by time");
        row.rest(null);
    }

    private Instant start(Row row, String column) {
        String text = row.rawOr(column, "");
        Instant start = Times.start(text);
        row.carried(column);
        if (start == null) {
            row.changed(column, "before the year 2000 or no time: the first import's moment is used");
        }
        return start == null ? fallback : start;
    }

    /** JSON without raw keys; one that is written as a text is unwrapped. */
    private static @Nullable Object json(Row row, String column) {
        String text = row.raw(column);
        row.carried(column);
        if (text == null) {
            return null;
        }
        String safe = withoutSecrets(row, column, text);
        Object json = Json.value(safe);
        if (json instanceof String inner && (inner.startsWith("{") || inner.startsWith("["))) {
            try {
                json = Json.value(inner);
                row.changed(column, "JSON that was written as a text");
            } catch (LlmDbException e) {
                return inner;
            }
        }
        return json;
    }

    private static String withoutSecrets(Row row, String column, String text) {
        if (text.contains("sk-") && LogRow.RAW_KEY.matcher(text).find()) {
            row.changed(column, "raw keys within are redacted");
            return LogRow.RAW_KEY.matcher(text).replaceAll(LogRow.RAW_KEY_GONE);
        }
        return text;
    }

    private static String id(Instant at, String of) {
        ByteBuffer digest = ByteBuffer.wrap(HexFormat.of().parseHex(EntityWriter.digest(of)));
        return Ids.derived(at, digest.getLong(), digest.getLong()).toString();
    }

    private void run(Source.Table table, Tally tally, String target, List<String> columns, Translator translator)
            throws SQLException {
        String quoted = columns.stream().map(Source::quoted).collect(Collectors.joining(", "));
        String insert = db.sql()
                .of("INSERT INTO ${llmdb}.\"" + target + "\" (" + quoted + ") SELECT " + quoted
                        + " FROM jsonb_populate_recordset(NULL::${llmdb}.\"" + target
                        + "\", ?::jsonb) ON CONFLICT DO NOTHING RETURNING id");
        List<Row> batch = new ArrayList<>();
        source.read(table, Map.of(), there -> {
            Row row = new Row(there);
            translator.translate(row);
            batch.add(row);
            if (batch.size() >= BATCH) {
                write(insert, batch, tally);
            }
        });
        write(insert, batch, tally);
    }

    private void write(String insert, List<Row> batch, Tally tally) {
        if (batch.isEmpty()) {
            return;
        }
        try {
            settle(batch, insert(insert, batch), tally);
        } catch (LlmDbException e) {
            if (!EntityWriter.isOfTheRow(e)) {
                throw e;
            }
            for (Row row : batch) {
                try {
                    settle(List.of(row), insert(insert, List.of(row)), tally);
                } catch (LlmDbException one) {
                    if (!EntityWriter.isOfTheRow(one)) {
                        throw one;
                    }
                    settle(row, Fate.SKIPPED, String.valueOf(one.getMessage()), tally);
                }
            }
        }
        batch.clear();
        progress.accept(tally.read());
    }

    private Set<String> insert(String insert, List<Row> rows) {
        return db.transaction(tx -> {
            Set<String> added = new HashSet<>();
            try (PreparedStatement statement = tx.connection().prepareStatement(insert)) {
                statement.setString(1, Json.write(rows.stream().map(Row::here).toList()));
                try (ResultSet ids = statement.executeQuery()) {
                    while (ids.next()) {
                        added.add(ids.getObject(1, UUID.class).toString());
                    }
                }
            }
            return added;
        });
    }

    private static void settle(List<Row> rows, Set<String> added, Tally tally) {
        for (Row row : rows) {
            boolean isNew = added.contains(String.valueOf(row.here().get("id")));
            settle(row, isNew ? Fate.ADDED : Fate.UNCHANGED, "", tally);
        }
    }

    private static void settle(Row row, Fate fate, String reason, Tally tally) {
        tally.row(fate, reason, null);
        row.there().forEach((column, value) -> {
            Row.Outcome outcome = row.outcomes().get(column);
            if (value == null) {
                return;
            }
            if (fate != Fate.ADDED || outcome == null) {
                tally.value(column, ValueFate.IN_OTHER_ROW, "", null);
            } else {
                tally.value(column, outcome.fate(), outcome.reason(), null);
            }
        });
    }
}
