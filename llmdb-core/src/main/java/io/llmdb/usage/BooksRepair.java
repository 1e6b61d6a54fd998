package io.llmdb.usage;

import static io.llmdb.schema.jooq.Tables.SPEND_ADJUSTMENT;
import static io.llmdb.schema.jooq.Tables.SPEND_COUNTER;

import io.llmdb.audit.AuditAction;
import io.llmdb.audit.AuditTrail;
import io.llmdb.common.Actor;
import io.llmdb.internal.Ids;
import io.llmdb.internal.Sql;
import io.llmdb.internal.Tx;
import io.llmdb.spend.CounterId;
import io.llmdb.spend.Scope;
import java.math.BigDecimal;
import java.sql.PreparedStatement;
import java.sql.ResultSet;
import java.sql.SQLException;
import java.sql.Statement;
import java.time.Instant;
import java.time.LocalDate;
import java.time.OffsetDateTime;
import java.time.ZoneOffset;
import java.util.ArrayList;
import java.util.Collection;
import java.util.EnumSet;
import java.util.HashMap;
import java.util.HashSet;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeMap;
import java.util.TreeSet;
import org.jooq.Record;

/**
 * Sets what a pass found wrong, in one transaction. The locks on the wrong counters and on the proxy's, which every
 * booking adds to, are taken first. Who holds them sees each booking with its log row and its counters or not at all.
 */
final class BooksRepair {

    private final Tx tx;
    private final Sql sql;
    private final AuditTrail audit;
    private final Actor actor;
    private final Findings findings;
    private final List<Difference> repaired = new ArrayList<>();
    private final Map<CounterId, Record> before = new HashMap<>();
    private final List<AuditTrail.Change> changes = new ArrayList<>();

    BooksRepair(Tx tx, Sql sql, AuditTrail audit, Actor actor, Findings findings) {
        this.tx = tx;
        this.sql = sql;
        this.audit = audit;
        this.actor = actor;
        this.findings = findings;
    }

    Repair run(Verification verification) throws SQLException {
        Instant at = prepare();
        Map<Scope, Set<CounterId>> wrong = wrongCounters();
        wrong.forEach((scope, counters) -> lock(CounterRows.of(scope), counters));
        Set<CounterId> generic = new LinkedHashSet<>();
        generic.add(CounterId.of(Scope.PROXY, ""));
        findings.further().states().forEach(state -> generic.add(state.counter()));
        lockGeneric(generic);

        setDailyTotals();
        CounterCheck now = new CounterCheck(sql);
        for (ScopeBooks scope : ScopeBooks.values()) {
            Set<CounterId> counters = wrong.getOrDefault(scope.scope(), Set.of());
            if (!counters.isEmpty()) {
                now.check(
                        tx.connection(),
                        scope,
                        new TreeSet<>(),
                        findings.daily().opaque(),
                        counters);
            }
        }
        set(now.states().values(), at);
        if (!findings.further().states().isEmpty()) {
            FurtherCounterCheck further = new FurtherCounterCheck(sql);
            further.check(
                    tx.connection(),
                    findings.daily().withFurtherCounters(),
                    findings.daily().opaque());
            set(further.states(), at);
        }
        audit.record(tx, actor, at, changes);
        return new Repair(verification, repaired, left());
    }

    private Instant prepare() throws SQLException {
        try (Statement statement = tx.connection().createStatement()) {
            BooksPass.prepare(statement);
            try (ResultSet rows = statement.executeQuery(sql.of("SELECT ${llmdb}.llmdb_now()"))) {
                rows.next();
                return rows.getObject(1, OffsetDateTime.class).toInstant();
            }
        }
    }

    /**
     * The main counters that are wrong, in the order in which everybody locks them; the proxy's stands with the others.
     */
    private Map<Scope, Set<CounterId>> wrongCounters() {
        Map<Scope, Set<CounterId>> wrong = new TreeMap<>();
        for (CounterState state : findings.main().states().values()) {
            if (!state.differences().isEmpty()) {
                wrong.computeIfAbsent(state.counter().scope(), any -> new LinkedHashSet<>())
                        .add(state.counter());
            }
        }
        return wrong;
    }

    private void lock(CounterRows rows, Set<CounterId> counters) {
        if (rows.table() != SPEND_COUNTER) {
            rows.lock(tx.dsl(), counters).forEach(row -> before.put(rows.counter(row), row));
        }
    }

    private void lockGeneric(Set<CounterId> counters) {
        CounterRows rows = CounterRows.GENERIC;
        rows.lock(tx.dsl(), counters).forEach(row -> before.put(rows.counter(row), row));
    }

    private void setDailyTotals() throws SQLException {
        Map<LocalDate, Set<DailyBook>> wrong = new TreeMap<>();
        Set<List<Object>> keys = new HashSet<>();
        for (DailyCell cell : findings.judge().wrongInTotals()) {
            wrong.computeIfAbsent(cell.day(), any -> EnumSet.noneOf(DailyBook.class))
                    .add(cell.book());
            keys.add(List.of(cell.book(), cell.day(), cell.key()));
        }
        for (LocalDate day : findings.daily().ruined()) {
            wrong.put(day, EnumSet.allOf(DailyBook.class));
        }
        DailyCheck now = new DailyCheck(sql);
        DailyRows rows = new DailyRows(tx.connection(), sql);
        for (Map.Entry<LocalDate, Set<DailyBook>> day : wrong.entrySet()) {
            boolean ruined = findings.daily().ruined().contains(day.getKey());
            for (DailyBook book : day.getValue()) {
                List<DailyCell> cells = now.differing(tx.connection(), book, day.getKey());
                if (!ruined) {
                    cells.removeIf(cell -> !keys.contains(List.of(cell.book(), cell.day(), cell.key())));
                }
                rows.set(book, cells);
                cells.forEach(cell -> repaired.add(cell.difference(book.kind(), cell.log(), cell.booked())));
            }
            reopen(day.getKey());
        }
        for (Difference sum : findings.sums()) {
            LocalDate day = sum.day();
            if (day != null) {
                reopen(day);
                repaired.add(sum);
            }
        }
    }

    /** Has the sums of a day made anew, behind what they are made of. */
    private void reopen(LocalDate day) throws SQLException {
        try (PreparedStatement statement =
                tx.connection().prepareStatement(sql.of("SELECT ${llmdb}.llmdb_reopen_day(?)"))) {
            statement.setObject(1, day);
            statement.execute();
        }
    }

    private void set(Collection<CounterState> states, Instant at) {
        for (CounterState state : states) {
            CounterId counter = state.counter();
            List<Difference> differences = state.differences();
            Record row = before.get(counter);
            // One that was not locked became wrong, or was made, only now; the next repair sees it.
            if (differences.isEmpty() || row == null) {
                continue;
            }
            CounterRows rows = counter.isMain() ? CounterRows.of(counter.scope()) : CounterRows.GENERIC;
            rows.set(
                    tx.dsl(),
                    counter,
                    state.expectedTotalSpend(),
                    state.isWindowUnknown() ? null : state.expectedSpend());
            leaveTrace(counter, differences, at);
            if (audit.isOn()) {
                changes.add(new AuditTrail.Change(
                        AuditAction.UPDATED, rows.table(), rows.objectId(counter), row, rows.read(tx.dsl(), counter)));
            }
            repaired.addAll(differences);
        }
    }

    private void leaveTrace(CounterId counter, List<Difference> differences, Instant at) {
        StringBuilder reason = new StringBuilder("repair:");
        for (Difference difference : differences) {
            reason.append(' ')
                    .append(difference.what())
                    .append(" was ")
                    .append(difference.found().toPlainString())
                    .append(", is ")
                    .append(difference.expected().toPlainString())
                    .append(';');
        }
        OffsetDateTime instant = at.atOffset(ZoneOffset.UTC);
        tx.dsl()
                .insertInto(SPEND_ADJUSTMENT)
                .set(SPEND_ADJUSTMENT.ID, Ids.at(at))
                .set(SPEND_ADJUSTMENT.SCOPE, counter.scope().sqlName())
                .set(SPEND_ADJUSTMENT.SCOPE_ID, counter.id())
                .set(SPEND_ADJUSTMENT.PARENT_ID, counter.parentId())
                .set(SPEND_ADJUSTMENT.MODEL, counter.model())
                .set(SPEND_ADJUSTMENT.BUDGET_DURATION, counter.duration())
                .set(SPEND_ADJUSTMENT.AMOUNT, BigDecimal.ZERO)
                .set(SPEND_ADJUSTMENT.TOTAL_AMOUNT, BigDecimal.ZERO)
                .set(SPEND_ADJUSTMENT.EFFECTIVE_AT, instant)
                .set(SPEND_ADJUSTMENT.REASON, reason.substring(0, reason.length() - 1))
                .set(SPEND_ADJUSTMENT.CREATED_AT, instant)
                .set(SPEND_ADJUSTMENT.CREATED_BY, actor.id())
                .execute();
    }

    private List<Difference> left() {
        Set<List<Object>> done = new HashSet<>();
        repaired.forEach(difference -> done.add(nameOf(difference)));
        return findings.differences().stream()
                .filter(difference -> !done.contains(nameOf(difference)))
                .toList();
    }

    /** Not the words, which tell of amounts. */
    private static List<Object> nameOf(Difference difference) {
        return List.of(
                difference.kind(),
                difference.counter() == null ? difference.where() : difference.counter(),
                difference.what());
    }
}
