package io.llmdb.testkit;

import io.llmdb.spend.SpendEvent;
import java.math.BigDecimal;
import java.util.ArrayList;
import java.util.Collection;
import java.util.HashSet;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.UUID;
import org.assertj.core.api.AbstractAssert;

/** Assertions on {@link Books}; a failure prints what differs and the books. */
public final class BooksAssert extends AbstractAssert<BooksAssert, Books> {

    private static final int MOST_LINES = 40;

    BooksAssert(Books actual) {
        super(actual, BooksAssert.class);
    }

    /**
     * All is booked once and everywhere, and all is quiet: each counter equals its log rows and its daily rows to the
     * last digit, nothing is reserved, no deadlock happened. Where log rows are not kept, counters are held against the
     * daily totals.
     *
     * @return this
     */
    public BooksAssert agree() {
        agreeWhileInUse();
        return reserveNothing();
    }

    /**
     * The same while instances hold leases.
     *
     * @return this
     */
    public BooksAssert agreeWhileInUse() {
        isNotNull();
        failWith("The books do not agree", actual.differences());
        return haveNoDeadlock();
    }

    /**
     * No lease that has not ended holds anything.
     *
     * @return this
     */
    public BooksAssert reserveNothing() {
        isNotNull();
        failWith("Something is still reserved", actual.reserved());
        return this;
    }

    /**
     * On no counter is more spent and reserved than it may spend. Holds wherever no request cost more than its estimate
     * and no limit was lowered below what was spent; limits by model, of further windows and of the proxy are not
     * looked at, because no column holds them.
     *
     * @return this
     */
    public BooksAssert stayWithinLimits() {
        isNotNull();
        failWith("More is spent and reserved than may be", actual.overspent());
        return this;
    }

    /**
     * PostgreSQL had to resolve no deadlock.
     *
     * @return this
     */
    public BooksAssert haveNoDeadlock() {
        isNotNull();
        Long deadlocks = actual.deadlocks();
        if (deadlocks != null && deadlocks != 0) {
            failWith("Deadlocks happened", List.of(deadlocks + " on this database"));
        }
        return this;
    }

    /**
     * So many requests are booked.
     *
     * @param count log rows, or where those are not kept, requests in the daily totals
     * @return this
     */
    public BooksAssert haveRequests(long count) {
        isNotNull();
        long found = actual.summary().logIsKept()
                ? actual.summary().logRows()
                : actual.summary().dailyRequests();
        if (found != count) {
            failWith("Requests are missing or too many", List.of("expected " + count + ", booked are " + found));
        }
        return this;
    }

    /**
     * So much is spent in all.
     *
     * @param amount by the daily totals
     * @return this
     */
    public BooksAssert haveSpend(BigDecimal amount) {
        isNotNull();
        BigDecimal found = actual.summary().dailySpend();
        if (found.compareTo(amount) != 0) {
            failWith(
                    "The spend is not what it should be",
                    List.of("expected " + BooksReport.money(amount) + ", booked is " + BooksReport.money(found)));
        }
        return this;
    }

    /**
     * No event was set aside as a dead letter.
     *
     * @return this
     */
    public BooksAssert haveNoDeadLetters() {
        isNotNull();
        if (actual.summary().deadLetters() != 0) {
            failWith(
                    "There are dead letters",
                    List.of(String.valueOf(actual.summary().deadLetters())));
        }
        return this;
    }

    /**
     * These events and no others are booked, each once however often it is given here: the number of requests, the
     * spend in all, and the total of every main counter are what they add up to.
     *
     * @param events the events
     * @return this
     */
    public BooksAssert holdExactly(Collection<SpendEvent> events) {
        isNotNull();
        Map<List<String>, BigDecimal> expected = new LinkedHashMap<>();
        Set<UUID> ids = new HashSet<>();
        BigDecimal sum = BigDecimal.ZERO;
        for (SpendEvent event : events) {
            if (ids.add(event.id())) {
                sum = sum.add(event.cost());
                for (List<String> scope : scopesOf(event)) {
                    expected.merge(scope, event.cost(), BigDecimal::add);
                }
            }
        }
        haveRequests(ids.size());
        haveSpend(sum);
        List<String> wrong = new ArrayList<>();
        for (Books.Counter counter : actual.counters()) {
            if (counter.isMain()) {
                BigDecimal wanted = expected.remove(List.of(counter.scope(), counter.id(), counter.parentId()));
                BigDecimal found = counter.totalSpend().subtract(counter.totalAdjusted());
                if (found.compareTo(wanted == null ? BigDecimal.ZERO : wanted) != 0) {
                    wrong.add(counter.name() + ": expected " + BooksReport.money(wanted) + ", counted "
                            + BooksReport.money(found));
                }
            }
        }
        expected.forEach((scope, spend) -> {
            if (spend.signum() != 0) {
                wrong.add(String.join(" ", scope) + ": expected " + BooksReport.money(spend) + ", there is no counter");
            }
        });
        failWith("The counters do not hold these events", wrong);
        return this;
    }

    /** Whose spend an event is, said here again because the library's own list is what is tested. */
    private static Set<List<String>> scopesOf(SpendEvent event) {
        Set<List<String>> scopes = new HashSet<>();
        scopes.add(List.of("proxy", "", ""));
        add(scopes, "key", event.keyHash(), "");
        add(scopes, "user", event.userId(), "");
        add(scopes, "team", event.teamId(), "");
        add(scopes, "organization", event.organizationId(), "");
        add(scopes, "end_user", event.endUser(), "");
        event.tags().forEach(tag -> add(scopes, "tag", tag, ""));
        if (!event.teamId().isEmpty()) {
            add(scopes, "team_member", event.userId(), event.teamId());
        }
        if (!event.organizationId().isEmpty()) {
            add(scopes, "organization_member", event.userId(), event.organizationId());
        }
        return scopes;
    }

    private static void add(Set<List<String>> scopes, String scope, String id, String parentId) {
        if (!id.isEmpty()) {
            scopes.add(List.of(scope, id, parentId));
        }
    }

    private void failWith(String title, List<String> lines) {
        if (!lines.isEmpty()) {
            String shown = String.join("\n  ", lines.subList(0, Math.min(MOST_LINES, lines.size())));
            failWithMessage(
                    "%s:\n  %s%s\n\n%s",
                    title,
                    shown,
                    lines.size() > MOST_LINES ? "\n  ... and " + (lines.size() - MOST_LINES) : "",
                    actual);
        }
    }
}
