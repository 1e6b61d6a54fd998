package io.llmdb.litellm;

import io.llmdb.error.LlmDbException;
import io.llmdb.internal.Db;
import io.llmdb.internal.DbErrors;
import io.llmdb.internal.Json;
import io.llmdb.litellm.Balances.Locked;
import io.llmdb.litellm.Entity.Reference;
import io.llmdb.litellm.PendingRow.State;
import io.llmdb.litellm.Row.Counted;
import io.llmdb.litellm.Tally.Fate;
import io.llmdb.litellm.Tally.ValueFate;
import java.nio.charset.StandardCharsets;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.sql.Connection;
import java.sql.PreparedStatement;
import java.sql.SQLException;
import java.time.Instant;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.HashSet;
import java.util.HexFormat;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Set;
import java.util.TreeMap;
import java.util.stream.Collectors;
import org.jspecify.annotations.Nullable;

/**
 * Writes rows of one table, some hundred in a transaction. A row that came before is compared three ways: what it was
 * there and here when it came, and what it is now on both sides. What changed there only, comes; what was changed or
 * deleted here, stays as it is here.
 */
final class EntityWriter {

    static final int BATCH = 500;

    private final Db db;
    private final Entity entity;
    private final Balances balances;
    private final Tally tally;
    private final long run;
    private final boolean preferSource;
    private final List<PendingRow> pending = new ArrayList<>();
    private final KnownRows knownRows;
    private final References references;
    private final BalanceMoves moves;
    private final String insert;
    private final String update;

    EntityWriter(Db db, Entity entity, Balances balances, Tally tally, long run, Instant now, boolean preferSource) {
        this.db = db;
        this.entity = entity;
        this.balances = balances;
        this.tally = tally;
        this.run = run;
        this.preferSource = preferSource;
        this.knownRows = new KnownRows(db, entity, run);
        this.references = new References(db.sql());
        this.moves = new BalanceMoves(db.sql(), balances, now);
        List<String> written = entity.written();
        String columns = quoted(written, "");
        this.insert = sql("INSERT INTO ${llmdb}.\"${name}\" (" + columns + ") SELECT " + columns
                + " FROM jsonb_populate_recordset(NULL::${llmdb}.\"${name}\", ?::jsonb)");
        this.update = sql("UPDATE ${llmdb}.\"${name}\" t SET "
                + entity.columns().stream()
                        .filter(column -> !entity.key().contains(column))
                        .map(column -> '"' + column + "\" = d.\"" + column + '"')
                        .collect(Collectors.joining(", "))
                + " FROM jsonb_populate_recordset(NULL::${llmdb}.\"${name}\", ?::jsonb) d WHERE "
                + entity.key().stream()
                        .map(column -> "t.\"" + column + "\" = d.\"" + column + '"')
                        .collect(Collectors.joining(" AND ")));
    }

    private String sql(String text) {
        return db.sql().of(text.replace("${name}", entity.target()));
    }

    private static String quoted(List<String> columns, String prefix) {
        return columns.stream().map(column -> prefix + '"' + column + '"').collect(Collectors.joining(", "));
    }

    /** Takes a translated row. */
    void add(Row row) {
        if (row.skipReason() != null) {
            settle(row, Fate.SKIPPED, row.skipReason(), name(row));
            return;
        }
        List<String> key = entity.key();
        CounterName id = new CounterName(
                String.valueOf(row.here().get(key.get(0))),
                key.size() > 1 ? String.valueOf(row.here().get(key.get(1))) : "");
        pending.add(new PendingRow(row, id, digest(row)));
        if (pending.size() >= BATCH) {
            flush();
        }
    }

    void flush() {
        if (pending.isEmpty()) {
            return;
        }
        List<PendingRow> batch = new ArrayList<>();
        Set<CounterName> seen = new HashSet<>();
        for (PendingRow row : pending) {
            if (seen.add(row.id)) {
                batch.add(row);
            } else {
                row.becomes(Fate.SKIPPED, "names the same as another row there");
                settle(row);
            }
        }
        pending.clear();
        batch.sort(Comparator.comparing((PendingRow row) -> row.id));
        try {
            write(batch);
        } catch (LlmDbException e) {
            if (DbErrors.isUnavailable(e) || batch.size() == 1 && !isOfTheRow(e)) {
                throw e;
            }
            batch.forEach(this::writeAlone);
        }
        batch.forEach(this::settle);
    }

    /** One bad row holds up no other. */
    private void writeAlone(PendingRow row) {
        try {
            write(List.of(row));
        } catch (LlmDbException e) {
            if (!isOfTheRow(e)) {
                throw e;
            }
            row.becomes(Fate.SKIPPED, String.valueOf(e.getMessage()));
            knownRows.met(row.id);
        }
    }

    /** Bad data and violated constraints. */
    static boolean isOfTheRow(LlmDbException e) {
        String state = DbErrors.sqlState(e);
        return state != null && (state.startsWith("22") || state.startsWith("23"));
    }

    private void settle(PendingRow row) {
        settle(row.row, row.fate, row.reason, name(row.row));
    }

    private String name(Row row) {
        return entity.key().stream()
                .map(column -> String.valueOf(row.here().get(column)))
                .collect(Collectors.joining("/"));
    }

    private void settle(Row row, Fate fate, @Nullable String reason, String id) {
        tally.row(fate, reason == null ? "" : reason, id);
        boolean written = fate == Fate.ADDED || fate == Fate.UPDATED;
        row.there().forEach((column, value) -> {
            if (value == null || column.startsWith(Row.BESIDE)) {
                return;
            }
            Row.Outcome outcome = row.outcomes().get(column);
            if (!written) {
                tally.value(column, ValueFate.IN_OTHER_ROW, "", null);
            } else if (outcome == null) {
                tally.value(column, ValueFate.LEFT, "llmdb has no such column", id);
            } else {
                tally.value(column, outcome.fate(), outcome.reason(), id);
            }
        });
    }

    private void write(List<PendingRow> batch) {
        db.transaction(tx -> {
            Connection connection = tx.connection();
            List<PendingRow> rows = new ArrayList<>(batch);
            for (Reference reference : entity.references()) {
                references.resolve(connection, reference, rows);
            }
            List<CounterName> ids = rows.stream().map(row -> row.id).toList();
            Map<CounterName, Locked> locked = Map.of();
            if (entity.counter() != null) {
                locked = balances.lock(connection, entity.counter(), ids);
            }
            Map<CounterName, State> known = knownRows.states(connection, ids);
            List<PendingRow> added = new ArrayList<>();
            List<PendingRow> updated = new ArrayList<>();
            List<PendingRow> remembered = new ArrayList<>();
            for (PendingRow row : rows) {
                State state = Objects.requireNonNull(known.get(row.id));
                judge(row, state);
                switch (row.fate) {
                    case ADDED -> added.add(row);
                    case UPDATED -> updated.add(row);
                    default -> {}
                }
                if (state.run() != run && (row.fate != Fate.SKIPPED)) {
                    remembered.add(row);
                }
            }
            run(connection, insert, added);
            run(connection, update, updated);
            if (entity.counter() != null) {
                moves.open(connection, entity.counter(), added);
                moves.moveOn(connection, entity.counter(), remembered, known, locked);
            }
            knownRows.remember(connection, remembered, known);
            return null;
        });
    }

    private void judge(PendingRow row, State state) {
        if (state.isKnown() && state.run() == run) {
            row.becomes(Fate.SKIPPED, "names the same as another row there");
        } else if (!state.isKnown()) {
            if (state.here() && state.isBare()) {
                row.becomes(Fate.UPDATED, "");
            } else if (state.here()) {
                row.becomes(Fate.SKIPPED, "is here already, and not from this import");
            } else {
                row.becomes(Fate.ADDED, "");
            }
        } else if (!state.here()) {
            row.becomes(Fate.KEPT, "was deleted here");
        } else if (row.digest.equals(state.sourceDigest())) {
            row.becomes(Fate.UNCHANGED, "");
        } else if (preferSource || Objects.equals(state.digestNow(), state.targetDigest())) {
            row.becomes(Fate.UPDATED, "");
        } else {
            row.becomes(Fate.KEPT, "was changed on both sides");
        }
    }

    private void run(Connection connection, String statement, List<PendingRow> rows) throws SQLException {
        if (rows.isEmpty()) {
            return;
        }
        List<Map<String, @Nullable Object>> values = new ArrayList<>();
        for (PendingRow row : rows) {
            Map<String, @Nullable Object> value = new TreeMap<>(row.row.here());
            Counted counted = row.row.counted();
            if (entity.counter() != null && counted != null) {
                value.put("spend", counted.opening());
                value.put("total_spend", counted.lifetime());
                value.put("spend_window_start", KnownRows.text(counted.windowStart()));
                value.put("budget_reset_at", KnownRows.text(counted.resetAt()));
            }
            values.add(value);
        }
        try (PreparedStatement prepared = connection.prepareStatement(statement)) {
            prepared.setString(1, Json.write(values));
            prepared.executeUpdate();
        }
    }

    /** Of the row over there, without what changes by use. */
    private String digest(Row row) {
        TreeMap<String, @Nullable String> compared = new TreeMap<>(row.there());
        compared.keySet().removeAll(entity.notCompared());
        compared.keySet().removeAll(Set.of("#reset", "#duration", "teams", "members", "admins", "members_with_roles"));
        return digest(Json.write(compared));
    }

    static String digest(String text) {
        try {
            return HexFormat.of()
                    .formatHex(MessageDigest.getInstance("SHA-256").digest(text.getBytes(StandardCharsets.UTF_8)));
        } catch (NoSuchAlgorithmException e) {
            throw new AssertionError("Every Java platform has SHA-256", e);
        }
    }
}
