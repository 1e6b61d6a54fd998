package io.llmdb.litellm;

import io.llmdb.error.ConflictException;
import io.llmdb.error.InvalidArgumentException;
import io.llmdb.error.LlmDbException;
import io.llmdb.internal.Db;
import io.llmdb.litellm.Balances.Spent;
import io.llmdb.litellm.Tally.Fate;
import io.llmdb.spend.Partitions;
import java.nio.charset.StandardCharsets;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.sql.Connection;
import java.sql.PreparedStatement;
import java.sql.ResultSet;
import java.sql.SQLException;
import java.sql.Statement;
import java.time.Duration;
import java.time.Instant;
import java.time.LocalDate;
import java.time.OffsetDateTime;
import java.time.ZoneOffset;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeMap;
import java.util.UUID;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.concurrent.TimeUnit;
import java.util.function.LongConsumer;
import org.jspecify.annotations.Nullable;
import org.postgresql.PGConnection;
import org.postgresql.copy.CopyIn;
import org.postgresql.copy.CopyOut;

/**
 * Brings the spend log, day by day, as a stream from COPY to COPY. Some thousand rows are one transaction, with what
 * they add to the daily totals and take from the balances, so the books agree whenever it is broken off. Ids follow
 * from request_id and startTime, so no row comes twice; a day whose rows are the same as last time is not read again.
 */
final class SpendLogImport {

    static final String TARGET = "LLM_SpendLogs";

    private static final int CHUNK_ROWS = 20_000;
    private static final int CHUNK_CHARS = 16 * 1024 * 1024;

    /** A clock over there may go ahead of the snapshot's a little. */
    private static final Duration AHEAD = Duration.ofMinutes(5);

    private static final String DAYS = """
            SELECT (t."startTime")::date, count(*), sum(hashtext(t.request_id)::bigint)::text
            FROM ${from} WHERE ${present} GROUP BY 1 ORDER BY 1""";

    private static final String TIME = "t.\"startTime\" >= '2000-01-01' AND t.\"startTime\" < '10000-01-01'";
    private static final String NO_TIME = "(" + TIME + ") IS NOT TRUE";

    private static final String KNOWN = """
            SELECT l.id FROM ${llmdb}."LLM_SpendLogs" l JOIN unnest(?::uuid[]) d (id) ON l.id = d.id
            WHERE l."startTime" BETWEEN ? AND ?""";

    private static final String DROPPED = """
            SELECT dropped_before FROM ${llmdb}."LLM_LogState" WHERE table_name = 'LLM_SpendLogs' AND isfinite(dropped_before)""";

    private static final String OF_A_DROPPED_DAY =
            "starts on a day of which only the daily totals are here: they hold it, or held it before its row was dropped";

    private final Db db;
    private final Source source;
    private final Source.Table table;
    private final Balances balances;
    private final Tally tally;
    private final Partitions partitions;
    private final Instant firstSnapshot;
    private final boolean mayBeKnown;
    private final boolean dryRun;
    private final LongConsumer progress;
    private final MessageDigest sha256;
    private final String present;
    private final String future;

    /** The days there, with what they hold. */
    private final Map<LocalDate, ImportState.Day> days = new TreeMap<>();

    private List<LogRow> chunk = new ArrayList<>();
    private Map<String, Integer> sameStart = new HashMap<>();
    private String lastStart = "";
    private long chars;
    private @Nullable Future<List<Written>> writing;

    /** Uses no connection but those that it takes itself, one after the other. */
    private final ExecutorService writer = Executors.newSingleThreadExecutor(task -> {
        Thread thread = new Thread(task, "llmdb import writer");
        thread.setDaemon(true);
        return thread;
    });

    private final Set<LocalDate> withPartition = new HashSet<>();

    /** Whether a row that starts before this was booked cannot be told any more, so it is not booked. */
    private Instant droppedBefore = Instant.MIN;

    SpendLogImport(
            Db db,
            Source source,
            Source.Table table,
            Balances balances,
            Tally tally,
            Partitions partitions,
            ImportState state,
            boolean dryRun,
            LongConsumer progress) {
        this.db = db;
        this.source = source;
        this.table = table;
        this.balances = balances;
        this.tally = tally;
        this.partitions = partitions;
        this.firstSnapshot = state.firstSnapshot();
        this.mayBeKnown = state.run() > 1;
        this.dryRun = dryRun;
        this.progress = progress;
        String latest =
                "'" + source.snapshot().plus(AHEAD).atOffset(ZoneOffset.UTC).toLocalDateTime() + "'";
        this.present = TIME + " AND t.\"startTime\" <= " + latest;
        this.future = TIME + " AND t.\"startTime\" > " + latest;
        try {
            this.sha256 = MessageDigest.getInstance("SHA-256");
        } catch (NoSuchAlgorithmException e) {
            throw new AssertionError("Every Java platform has SHA-256", e);
        }
    }

    /** Looks which days there are. */
    void survey() throws SQLException {
        try (Statement statement = source.connection().createStatement();
                ResultSet rows = statement.executeQuery(
                        DAYS.replace("${present}", present).replace("${from}", source.from(LogColumns.TABLE)))) {
            while (rows.next()) {
                String checksum = rows.getString(3);
                days.put(
                        rows.getObject(1, LocalDate.class),
                        new ImportState.Day(rows.getLong(2), checksum == null ? "0" : checksum));
            }
        }
    }

    /** The first day of which the log tells; null: it is empty. */
    @Nullable
    LocalDate firstDay() {
        return days.isEmpty() ? null : days.keySet().iterator().next();
    }

    /** How many rows a day has there. */
    long rowsOf(LocalDate day) {
        ImportState.Day what = days.get(day);
        return what == null ? 0 : what.rows();
    }

    Map<LocalDate, Long> rowsByDay() {
        Map<LocalDate, Long> rows = new HashMap<>();
        days.forEach((day, what) -> rows.put(day, what.rows()));
        return rows;
    }

    /** To be called behind the import of daily totals, which stand in for the log's rows. */
    void run() throws SQLException {
        droppedBefore = droppedBefore();
        try {
            readAndWrite();
            awaitWritten();
        } finally {
            endWriter();
        }
    }

    private Instant droppedBefore() {
        return db.transaction(tx -> {
            try (PreparedStatement statement =
                            tx.connection().prepareStatement(db.sql().of(DROPPED));
                    ResultSet row = statement.executeQuery()) {
                return row.next() ? row.getObject(1, OffsetDateTime.class).toInstant() : Instant.MIN;
            }
        });
    }

    /** What is being written is written to its end, so that nobody writes once the lock is given back. */
    private void endWriter() {
        writer.shutdown();
        boolean interrupted = false;
        boolean ended = false;
        while (!ended) {
            try {
                ended = writer.awaitTermination(1, TimeUnit.MINUTES);
            } catch (InterruptedException e) {
                interrupted = true;
            }
        }
        if (interrupted) {
            Thread.currentThread().interrupt();
        }
    }

    private void readAndWrite() throws SQLException {
        Map<LocalDate, ImportState.Day> done = ImportState.days(db, TARGET);
        stream(NO_TIME);
        flush(null, null);
        for (Map.Entry<LocalDate, ImportState.Day> day : days.entrySet()) {
            String ofDay = "t.\"startTime\" >= '" + day.getKey() + "' AND t.\"startTime\" < '"
                    + day.getKey().plusDays(1) + "' AND " + present;
            Instant end = day.getKey().plusDays(1).atStartOfDay(ZoneOffset.UTC).toInstant();
            if (day.getValue().equals(done.get(day.getKey()))) {
                unread(ofDay, Fate.UNCHANGED, "");
            } else if (!end.isAfter(droppedBefore)) {
                unread(ofDay, Fate.SKIPPED, OF_A_DROPPED_DAY);
            } else {
                stream(ofDay);
                flush(day.getKey(), day.getValue());
            }
        }
        unread(future, Fate.SKIPPED, "starts in the future: comes with a run after that; its spend is in the balances");
    }

    /** Accounts for rows without moving them. */
    private void unread(String where, Fate fate, String reason) throws SQLException {
        List<String> columns = List.copyOf(table.columns().keySet());
        StringBuilder counts = new StringBuilder("count(*)");
        columns.forEach(column ->
                counts.append(", count(t.").append(Source.quoted(column)).append(")"));
        try (Statement statement = source.connection().createStatement();
                ResultSet row = statement.executeQuery(
                        "SELECT " + counts + " FROM " + source.from(LogColumns.TABLE) + " WHERE " + where)) {
            row.next();
            if (row.getLong(1) > 0) {
                tally.rows(row.getLong(1), fate, reason, null);
            }
            for (int i = 0; i < columns.size(); i++) {
                tally.values(columns.get(i), row.getLong(i + 2), Tally.ValueFate.IN_OTHER_ROW, "", null);
            }
        }
        progress.accept(tally.read());
    }

    private void stream(String where) throws SQLException {
        String copy = "COPY (SELECT " + LogColumns.select(table) + " FROM " + source.from(LogColumns.TABLE) + " WHERE "
                + where + " ORDER BY t.\"startTime\") TO STDOUT";
        CopyOut out =
                source.connection().unwrap(PGConnection.class).getCopyAPI().copyOut(copy);
        try {
            for (byte[] line = out.readFromCopy(); line != null; line = out.readFromCopy()) {
                take(new String(line, StandardCharsets.UTF_8));
            }
        } finally {
            if (out.isActive()) {
                out.cancelCopy();
            }
        }
    }

    private void take(String line) {
        String key = LogRow.key(line);
        String startOfRow = key.substring(key.indexOf('\t'));
        if (!startOfRow.equals(lastStart)) {
            sameStart = new HashMap<>();
            lastStart = startOfRow;
        }
        int ordinal = sameStart.merge(key, 1, Integer::sum) - 1;
        try {
            LogRow row = new LogRow(line, sha256, firstSnapshot, ordinal);
            if (row.start().isBefore(droppedBefore)) {
                tally.row(Fate.SKIPPED, OF_A_DROPPED_DAY, row.text(LogColumns.REQUEST_ID));
                row.count(tally, false);
                return;
            }
            chunk.add(row);
        } catch (InvalidArgumentException | NumberFormatException e) {
            tally.row(Fate.SKIPPED, "cannot be read: " + e.getMessage(), key.substring(0, key.indexOf('\t')));
            return;
        }
        chars += line.length();
        if (chunk.size() >= CHUNK_ROWS || chars >= CHUNK_CHARS) {
            flush(null, null);
        }
    }

    /**
     * Hands over what has come together to be written while more is read, and notes that a day is done with its last
     * rows. One chunk is written at a time, so that there are never more than two in memory.
     */
    private void flush(@Nullable LocalDate day, ImportState.@Nullable Day what) {
        List<LogRow> rows = chunk;
        chunk = new ArrayList<>();
        chars = 0;
        awaitWritten();
        writing = writer.submit(() -> writeOrSplit(rows, day, what));
    }

    /** The report and who listens are this thread's. */
    private void awaitWritten() {
        Future<List<Written>> before = writing;
        writing = null;
        if (before == null) {
            return;
        }
        try {
            for (Written written : before.get()) {
                written.count(tally);
            }
        } catch (ExecutionException e) {
            if (e.getCause() instanceof RuntimeException failure) {
                throw failure;
            }
            throw new IllegalStateException(e.getCause());
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
            throw new ConflictException("The import was interrupted; run it again, it goes on where it was");
        }
        progress.accept(tally.read());
    }

    /** Rows of one transaction: those that were here already, and why a single one was refused. */
    private record Written(
            List<LogRow> rows, Set<UUID> known, @Nullable String refused) {

        void count(Tally tally) {
            for (LogRow row : rows) {
                boolean isNew = refused == null && !known.contains(row.id());
                if (refused == null) {
                    tally.row(isNew ? Fate.ADDED : Fate.UNCHANGED, "", null);
                } else {
                    tally.row(Fate.SKIPPED, refused, row.text(LogColumns.REQUEST_ID));
                }
                row.count(tally, isNew);
            }
        }
    }

    /** One bad row holds up no other. */
    private List<Written> writeOrSplit(List<LogRow> rows, @Nullable LocalDate day, ImportState.@Nullable Day what) {
        try {
            return List.of(new Written(rows, dryRun ? Set.of() : write(rows, day, what), null));
        } catch (LlmDbException e) {
            if (!EntityWriter.isOfTheRow(e) || rows.isEmpty()) {
                throw e;
            }
            List<Written> written = new ArrayList<>();
            if (rows.size() == 1) {
                written.add(new Written(rows, Set.of(), String.valueOf(e.getMessage())));
                written.addAll(writeOrSplit(List.of(), day, what));
            } else {
                written.addAll(writeOrSplit(rows.subList(0, rows.size() / 2), null, null));
                written.addAll(writeOrSplit(rows.subList(rows.size() / 2, rows.size()), day, what));
            }
            return written;
        }
    }

    private Set<UUID> write(List<LogRow> rows, @Nullable LocalDate day, ImportState.@Nullable Day what) {
        for (LogRow row : rows) {
            LocalDate ofRow = LocalDate.ofInstant(row.start(), ZoneOffset.UTC);
            if (withPartition.add(ofRow)) {
                partitions.ensure(ofRow);
            }
        }
        return db.transaction(tx -> {
            Connection connection = tx.connection();
            Set<UUID> known = mayBeKnown && !rows.isEmpty() ? known(connection, rows) : Set.of();
            List<LogRow> added =
                    rows.stream().filter(row -> !known.contains(row.id())).toList();
            if (!added.isEmpty()) {
                copy(connection, added);
                Spent spent = new Spent();
                DailySums daily = new DailySums();
                for (LogRow row : added) {
                    count(row, spent, daily);
                }
                balances.explain(connection, spent);
                daily.write(connection, db.sql());
            }
            if (day != null && what != null) {
                ImportState.dayDone(db, connection, TARGET, day, what);
            }
            return known;
        });
    }

    private Set<UUID> known(Connection connection, List<LogRow> rows) throws SQLException {
        Set<UUID> known = new HashSet<>();
        Instant first = rows.stream().map(LogRow::start).min(Instant::compareTo).orElse(firstSnapshot);
        Instant last = rows.stream().map(LogRow::start).max(Instant::compareTo).orElse(firstSnapshot);
        try (PreparedStatement statement = connection.prepareStatement(db.sql().of(KNOWN))) {
            statement.setArray(
                    1,
                    connection.createArrayOf(
                            "uuid", rows.stream().map(LogRow::id).toArray()));
            statement.setObject(2, Balances.time(first));
            statement.setObject(3, Balances.time(last));
            try (ResultSet found = statement.executeQuery()) {
                while (found.next()) {
                    known.add(found.getObject(1, UUID.class));
                }
            }
        }
        return known;
    }

    private void copy(Connection connection, List<LogRow> rows) throws SQLException {
        StringBuilder lines = new StringBuilder(rows.size() * 512);
        rows.forEach(row -> row.appendTo(lines));
        byte[] bytes = lines.toString().getBytes(StandardCharsets.UTF_8);
        CopyIn in = connection
                .unwrap(PGConnection.class)
                .getCopyAPI()
                .copyIn(db.sql().of("COPY ${llmdb}.\"LLM_SpendLogs\" (" + LogColumns.target() + ") FROM STDIN"));
        try {
            in.writeToCopy(bytes, 0, bytes.length);
            in.endCopy();
        } finally {
            if (in.isActive()) {
                in.cancelCopy();
            }
        }
    }

    private static void count(LogRow row, Spent spent, DailySums daily) {
        String key = row.text(LogColumns.API_KEY);
        String user = row.text(LogColumns.USER);
        String team = row.text(LogColumns.TEAM_ID);
        String organization = row.text(LogColumns.ORGANIZATION_ID);
        String endUser = row.text(LogColumns.END_USER);
        String model = row.text(LogColumns.MODEL);
        String group = row.text(LogColumns.MODEL_GROUP);
        String provider = row.text(LogColumns.PROVIDER);
        LocalDate day = LocalDate.ofInstant(row.start(), ZoneOffset.UTC);
        long prompt = row.number(LogColumns.PROMPT_TOKENS);
        long completion = row.number(LogColumns.COMPLETION_TOKENS);
        long succeeded = row.isFailure() ? 0 : 1;
        spent.addRequest(key, user, team, organization, row.start(), row.spend());
        spent.addIfNamed(Counter.END_USER, endUser, row.start(), row.spend());
        daily.add(
                DailySums.Book.SPEND,
                day,
                row.spend(),
                prompt,
                completion,
                1,
                succeeded,
                key,
                user,
                team,
                organization,
                model,
                group,
                provider);
        if (!endUser.isEmpty()) {
            daily.add(DailySums.Book.END_USER, day, row.spend(), prompt, completion, 1, succeeded, endUser, model);
        }
        for (String tag : row.tags()) {
            spent.addIfNamed(Counter.TAG, tag, row.start(), row.spend());
            daily.add(DailySums.Book.TAG, day, row.spend(), prompt, completion, 1, succeeded, tag, model);
        }
        if (row.isFailure()) {
            daily.add(
                    DailySums.Book.ERRORS,
                    day,
                    row.spend(),
                    0,
                    0,
                    1,
                    0,
                    model,
                    group,
                    row.errorType(),
                    row.errorCode());
        }
    }
}
