package io.llmdb.spend;

import java.nio.charset.StandardCharsets;
import java.util.Arrays;
import java.util.Comparator;
import java.util.List;
import java.util.function.Function;

/** Where counters stand: the main counter of most scopes in the scope's own table, all others in a generic one. */
record CounterTable(String table, List<Column> id) {

    /** A column of the primary key, and what it holds. */
    record Column(String name, Function<CounterId, String> value) {}

    /** How many scopes keep their main counter in a table of their own; the place of the others is this number. */
    static final int PLACES = Scope.PROXY.ordinal();

    private static final List<CounterTable> BY_PLACE = List.of(
            table("LLM_VerificationToken", new Column("token", CounterId::id)),
            table("LLM_UserTable", new Column("user_id", CounterId::id)),
            table("LLM_TeamTable", new Column("team_id", CounterId::id)),
            table(
                    "LLM_TeamMembership",
                    new Column("user_id", CounterId::id),
                    new Column("team_id", CounterId::parentId)),
            table("LLM_OrganizationTable", new Column("organization_id", CounterId::id)),
            table(
                    "LLM_OrganizationMembership",
                    new Column("user_id", CounterId::id),
                    new Column("organization_id", CounterId::parentId)),
            table("LLM_EndUserTable", new Column("user_id", CounterId::id)),
            table("LLM_TagTable", new Column("tag_name", CounterId::id)),
            table(
                    "LLM_SpendCounter",
                    new Column("scope", counter -> counter.scope().sqlName()),
                    new Column("scope_id", CounterId::id),
                    new Column("parent_id", CounterId::parentId),
                    new Column("model", CounterId::model),
                    new Column("budget_duration", CounterId::duration)));

    /** The order in which counters are locked; ids as SQL has them by COLLATE "C". */
    static final Comparator<CounterId> LOCK_ORDER = Comparator.comparingInt(CounterTable::placeOf)
            .thenComparing(counter -> counter.scope().sqlName())
            .thenComparing(CounterId::id, CounterTable::compareBytes)
            .thenComparing(CounterId::parentId, CounterTable::compareBytes)
            .thenComparing(CounterId::model, CounterTable::compareBytes)
            .thenComparing(CounterId::duration, CounterTable::compareBytes);

    private static int compareBytes(String one, String other) {
        return Arrays.compareUnsigned(one.getBytes(StandardCharsets.UTF_8), other.getBytes(StandardCharsets.UTF_8));
    }

    /** The table's place in the order of locks. */
    static int placeOf(CounterId counter) {
        return counter.isMain() ? counter.scope().ordinal() : PLACES;
    }

    static CounterTable at(int place) {
        return BY_PLACE.get(place);
    }

    private static CounterTable table(String table, Column... id) {
        return new CounterTable(table, List.of(id));
    }
}
