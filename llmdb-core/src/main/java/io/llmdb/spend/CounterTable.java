package io.llmdb.spend;

import java.util.List;

/** Where the main counter of a scope stands. */
record CounterTable(String table, List<String> idColumns) {

    static final String GENERIC = "LLM_SpendCounter";

    /** The table of a scope's main counter; further counters and the proxy's stand in the generic table. */
    static CounterTable of(CounterId counter) {
        if (!counter.isMain()) {
            return new CounterTable(GENERIC, List.of("scope_id", "parent_id", "scope", "model", "budget_duration"));
        }
        return switch (counter.scope()) {
            case KEY -> new CounterTable("LLM_VerificationToken", List.of("token"));
            case USER -> new CounterTable("LLM_UserTable", List.of("user_id"));
            case TEAM -> new CounterTable("LLM_TeamTable", List.of("team_id"));
            case TEAM_MEMBER -> new CounterTable("LLM_TeamMembership", List.of("user_id", "team_id"));
            case ORGANIZATION -> new CounterTable("LLM_OrganizationTable", List.of("organization_id"));
            case ORGANIZATION_MEMBER ->
                new CounterTable("LLM_OrganizationMembership", List.of("user_id", "organization_id"));
            case END_USER -> new CounterTable("LLM_EndUserTable", List.of("user_id"));
            case TAG -> new CounterTable("LLM_TagTable", List.of("tag_name"));
            case PROXY -> throw new IllegalArgumentException("The proxy's counter is in the generic table");
        };
    }

    /** The values for {@link #idColumns}. */
    static List<String> idValues(CounterId counter) {
        if (!counter.isMain()) {
            return List.of(
                    counter.id(), counter.parentId(), counter.scope().sqlName(), counter.model(), counter.duration());
        }
        return counter.parentId().isEmpty() ? List.of(counter.id()) : List.of(counter.id(), counter.parentId());
    }

    /** {@code a = ? AND b = ?} */
    String whereId() {
        return String.join(" = ? AND ", idColumns) + " = ?";
    }
}
