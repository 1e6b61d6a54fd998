package io.llmdb.litellm;

import io.llmdb.spend.Scope;
import org.jspecify.annotations.Nullable;

/** Where the main counters of a scope stand. The order is the order of locks. */
enum Counter {
    KEY(Scope.KEY, "LLM_VerificationToken", "token", null),
    USER(Scope.USER, "LLM_UserTable", "user_id", null),
    TEAM(Scope.TEAM, "LLM_TeamTable", "team_id", null),
    TEAM_MEMBER(Scope.TEAM_MEMBER, "LLM_TeamMembership", "user_id", "team_id"),
    ORGANIZATION(Scope.ORGANIZATION, "LLM_OrganizationTable", "organization_id", null),
    ORGANIZATION_MEMBER(Scope.ORGANIZATION_MEMBER, "LLM_OrganizationMembership", "user_id", "organization_id"),
    END_USER(Scope.END_USER, "LLM_EndUserTable", "user_id", null),
    TAG(Scope.TAG, "LLM_TagTable", "tag_name", null),
    PROXY(Scope.PROXY, "LLM_SpendCounter", "scope_id", "parent_id");

    private final Scope scope;
    private final String table;
    private final String id;
    private final @Nullable String parent;

    Counter(Scope scope, String table, String id, @Nullable String parent) {
        this.scope = scope;
        this.table = table;
        this.id = id;
        this.parent = parent;
    }

    Scope scope() {
        return scope;
    }

    String table() {
        return table;
    }

    /**
     * Fills table, id and parent of the counter's row, which goes by the name c, into SQL; {@code d} names what is
     * asked for.
     */
    String sql(String text) {
        String match = "c." + id + " = d.id" + (parent == null ? "" : " AND c." + parent + " = d.parent");
        if (this == PROXY) {
            match += " AND c.scope = 'proxy' AND c.model = '' AND c.budget_duration = ''";
        }
        return text.replace("${table}", "${llmdb}.\"" + table + "\"")
                .replace("${match}", match)
                .replace(
                        "${order}",
                        "c." + id + " COLLATE \"C\"" + (parent == null ? "" : ", c." + parent + " COLLATE \"C\""))
                .replace("${scope}", scope.sqlName())
                .replace("${name}", table);
    }

    /**
     * Makes rows that booking would make too, which count from an instant on; null for the others, which only
     * administrators make.
     */
    @Nullable
    String insertMissing() {
        return switch (this) {
            case END_USER, TAG ->
                sql("INSERT INTO ${table} (" + id + ", spend_window_start) SELECT d.id, e.since"
                        + " FROM unnest(?::text[], ?::text[]) d (id, parent), (SELECT ?::timestamptz) e (since)"
                        + " ORDER BY d.id COLLATE \"C\" ON CONFLICT DO NOTHING");
            case PROXY ->
                sql("INSERT INTO ${table} (scope, scope_id, spend_window_start) SELECT 'proxy', d.id, e.since"
                        + " FROM unnest(?::text[], ?::text[]) d (id, parent), (SELECT ?::timestamptz) e (since)"
                        + " ON CONFLICT DO NOTHING");
            default -> null;
        };
    }
}
