package io.llmdb.litellm;

import io.llmdb.audit.AuditTrail;
import io.llmdb.common.Actor;
import io.llmdb.internal.Db;
import io.llmdb.keys.KeyRepository;
import io.llmdb.models.CredentialKeys;
import io.llmdb.spend.Partitions;
import io.llmdb.windows.BudgetCalendar;
import java.sql.PreparedStatement;
import java.sql.ResultSet;
import java.sql.SQLException;
import java.time.Duration;
import java.time.LocalDate;
import java.time.ZoneOffset;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.function.Consumer;
import java.util.function.LongConsumer;
import org.jspecify.annotations.Nullable;

/** One run of an import: all tables in the order in which they depend on each other. */
final class ImportRun {

    private static final String NO_PLACE = "llmdb has no place for it";

    /** Keys that the run did not meet over there although an earlier one did. */
    private static final String GONE = """
            SELECT i.row_id FROM ${llmdb}."LLM_ImportRow" i JOIN ${llmdb}."LLM_VerificationToken" t ON t.token = i.row_id
            WHERE i.table_name = 'LLM_VerificationToken' AND i.run < ? AND i.target_digest IS NOT NULL
            ORDER BY i.row_id""";

    private static final String FORGET = """
            DELETE FROM ${llmdb}."LLM_ImportRow" WHERE table_name = 'LLM_VerificationToken' AND row_id = ?""";

    private final Db db;
    private final AuditTrail audit;
    private final Actor actor;
    private final BudgetCalendar calendar;
    private final @Nullable CredentialKeys credentials;
    private final Source source;
    private final @Nullable SaltKey saltKey;
    private final Set<ImportPart> without;
    private final boolean preferSource;
    private final boolean dryRun;
    private final Consumer<ImportProgress> progress;
    private final long started = System.nanoTime();
    private final List<Tally> tallies = new ArrayList<>();
    private final Set<String> done = new HashSet<>();
    private final List<String> notes = new ArrayList<>();
    private Map<String, Long> estimates = Map.of();

    ImportRun(
            Db db,
            AuditTrail audit,
            Actor actor,
            BudgetCalendar calendar,
            @Nullable CredentialKeys credentials,
            Source source,
            @Nullable SaltKey saltKey,
            Set<ImportPart> without,
            boolean preferSource,
            boolean dryRun,
            Consumer<ImportProgress> progress) {
        this.db = db;
        this.audit = audit;
        this.actor = actor;
        this.calendar = calendar;
        this.credentials = credentials;
        this.source = source;
        this.saltKey = saltKey;
        this.without = without;
        this.preferSource = preferSource;
        this.dryRun = dryRun;
        this.progress = progress;
    }

    ImportReport run(boolean intoUsed) throws SQLException {
        estimates = source.estimates();
        Models models = new Models(source, saltKey, credentials);
        if (!without.contains(ImportPart.MODELS)) {
            models.check();
        }
        try (ImportState state = ImportState.begin(db, source, intoUsed, audit, actor)) {
            Balances balances = new Balances(db.sql(), state.firstSnapshot());
            people(state, balances, models);
            logs(state, balances);
            beside();
            if (!dryRun) {
                state.finished(db);
            }
            return new ImportReport(
                    source.name(),
                    dryRun,
                    state.run(),
                    source.snapshot(),
                    tallies.stream().map(Tally::report).toList(),
                    notes,
                    took());
        }
    }

    private void people(ImportState state, Balances balances, Models models) throws SQLException {
        Entities entities = new Entities(source, calendar);
        for (Entity entity : entities.beforeMembers()) {
            entity(entity, state, balances);
        }
        entity(entities.teamMembers(), state, balances);
        Tally lists = new Tally("lists of members", "LLM_TeamMembership", List.of());
        MemberLists members = new MemberLists(db, source, lists, state.run(), state.firstSnapshot());
        members.run();
        tallies.add(lists);
        if (members.bareUsers() > 0) {
            notes.add(members.bareUsers()
                    + " people are named by lists of members only: they have rows with nothing but the id");
        }
        for (Entity entity : entities.afterMembers()) {
            entity(entity, state, balances);
        }
        keysThatAreGone(state);
        if (!without.contains(ImportPart.MODELS)) {
            entity(models.entity(), state, balances);
        }
        if (!without.contains(ImportPart.ARCHIVES)) {
            for (Entity entity : new Archives(entities, source.snapshot()).all()) {
                entity(entity, state, balances);
            }
        }
    }

    private void entity(Entity entity, ImportState state, Balances balances) throws SQLException {
        Source.Table table = source.table(entity.source());
        if (table == null) {
            return;
        }
        Tally tally = tally(table, entity.target());
        EntityWriter writer =
                new EntityWriter(db, entity, balances, tally, state.run(), source.snapshot(), preferSource);
        LongConsumer told = told(entity.source());
        source.read(table, entity.beside(), there -> {
            Row row = new Row(there);
            entity.translator().translate(row);
            writer.add(row);
            if (tally.read() % EntityWriter.BATCH == 0) {
                told.accept(tally.read());
            }
        });
        writer.flush();
        told.accept(tally.read());
    }

    /** A key that was deleted over there must not go on here. */
    private void keysThatAreGone(ImportState state) {
        if (state.run() == 1) {
            return;
        }
        List<String> gone = db.transaction(tx -> {
            List<String> hashes = new ArrayList<>();
            try (PreparedStatement statement =
                    tx.connection().prepareStatement(db.sql().of(GONE))) {
                statement.setLong(1, state.run());
                try (ResultSet rows = statement.executeQuery()) {
                    while (rows.next()) {
                        hashes.add(rows.getString(1));
                    }
                }
            }
            return hashes;
        });
        KeyRepository keys = new KeyRepository(db, audit, calendar).as(actor);
        for (String hash : gone) {
            keys.delete(hash);
            db.transaction(tx -> {
                try (PreparedStatement statement =
                        tx.connection().prepareStatement(db.sql().of(FORGET))) {
                    statement.setString(1, hash);
                    return statement.executeUpdate();
                }
            });
        }
        if (!gone.isEmpty()) {
            notes.add(
                    gone.size()
                            + " keys were deleted or got another hash over there since the last run: they are deleted here too, and archived");
        }
    }

    private void logs(ImportState state, Balances balances) throws SQLException {
        Partitions partitions = new Partitions(db);
        Source.Table spendLogs = source.table(LogColumns.TABLE);
        boolean withLog = spendLogs != null && !without.contains(ImportPart.SPEND_LOGS);
        SpendLogImport spend = null;
        LocalDate firstInFull = LocalDate.ofInstant(source.snapshot(), ZoneOffset.UTC);
        if (spendLogs != null && withLog) {
            Tally tally = tally(spendLogs, SpendLogImport.TARGET);
            spend = new SpendLogImport(
                    db, source, spendLogs, balances, tally, partitions, state, dryRun, told(LogColumns.TABLE));
            spend.survey();
            LocalDate first = spend.firstDay();
            if (first != null && first.isBefore(firstInFull)) {
                firstInFull = DailyImport.requests(source, first) > spend.rowsOf(first) ? first.plusDays(1) : first;
            }
        }
        if (!without.contains(ImportPart.DAILY_TOTALS)) {
            daily(balances, firstInFull, spend);
        }
        if (spend != null) {
            spend.run();
        }
        SmallLogs small = new SmallLogs(db, source, partitions, state.firstSnapshot(), told("LiteLLM_ErrorLogs"));
        Source.Table errors = source.table("LiteLLM_ErrorLogs");
        if (errors != null && !without.contains(ImportPart.ERROR_LOGS)) {
            small.errors(errors, tally(errors, "LLM_ErrorLogs"));
        }
        Source.Table audited = source.table("LiteLLM_AuditLog");
        if (audited != null && !without.contains(ImportPart.AUDIT_LOG)) {
            small.audit(audited, tally(audited, "LLM_AuditLog"));
        }
    }

    private void daily(Balances balances, LocalDate firstInFull, @Nullable SpendLogImport spend) throws SQLException {
        DailyImport daily = new DailyImport(db, source, balances, firstInFull);
        daily.run();
        for (String table : DailyImport.TABLES) {
            if (source.table(table) != null) {
                tallies.add(daily.tally(table, DailyImport.targetOf(table)));
                done.add(table);
            }
        }
        if (spend != null) {
            notes.addAll(daily.notes(spend.rowsByDay()));
        }
    }

    /** Tables that have no place here, or were left out: each is counted, none is forgotten. */
    private void beside() throws SQLException {
        for (Map.Entry<String, String> carried : Map.of(
                        "LiteLLM_ModelTable", "model aliases: they stand in the rows of their teams here",
                        "LiteLLM_ObjectPermissionTable",
                                "what objects may use: kept in metadata." + Row.LEFTOVERS
                                        + ".object_permission of their rows",
                        "LiteLLM_CredentialsTable", "credentials: they stand in the models that name them here")
                .entrySet()) {
            Source.Table table = source.table(carried.getKey());
            if (table != null && done.add(carried.getKey())) {
                tallies.add(source.countOnly(table, carried.getValue()));
            }
        }
        for (String name : source.beside(List.copyOf(done))) {
            Source.Table table = source.table(name);
            if (table != null) {
                boolean leftOut = isKnown(name);
                tallies.add(source.countOnly(table, leftOut ? "left out, as was asked" : NO_PLACE));
            }
        }
        if (!source.others().isEmpty()) {
            notes.add("Tables beside LiteLLM's were not read: " + String.join(", ", source.others()));
        }
    }

    private static boolean isKnown(String name) {
        return Set.of(
                                LogColumns.TABLE,
                                "LiteLLM_ErrorLogs",
                                "LiteLLM_AuditLog",
                                "LiteLLM_ProxyModelTable",
                                "LiteLLM_DeletedVerificationToken",
                                "LiteLLM_DeletedTeamTable")
                        .contains(name)
                || DailyImport.TABLES.contains(name);
    }

    private Tally tally(Source.Table table, String target) {
        done.add(table.name());
        Tally tally =
                new Tally(table.name(), target, List.copyOf(table.columns().keySet()));
        tallies.add(tally);
        return tally;
    }

    private LongConsumer told(String table) {
        long of = estimates.getOrDefault(table, 0L);
        return rows -> progress.accept(
                new ImportProgress(table, rows, of, done.size(), source.tables().size(), took()));
    }

    private Duration took() {
        return Duration.ofNanos(System.nanoTime() - started);
    }
}
