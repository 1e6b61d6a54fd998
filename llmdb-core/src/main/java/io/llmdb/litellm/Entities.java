package io.llmdb.litellm;

import io.llmdb.common.BudgetDuration;
import io.llmdb.internal.Json;
import io.llmdb.litellm.Entity.Missing;
import io.llmdb.litellm.Entity.Reference;
import io.llmdb.litellm.Entity.Translator;
import io.llmdb.litellm.Row.Counted;
import io.llmdb.windows.BudgetCalendar;
import io.llmdb.windows.Window;
import java.math.BigDecimal;
import java.time.Instant;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Set;
import org.jspecify.annotations.Nullable;

/** The tables of people, keys and budgets, in the order in which they depend on each other. */
final class Entities {

    private static final Set<String> MOVING =
            Set.of("spend", "total_spend", "model_spend", "budget_reset_at", "updated_at", "updated_by", "last_active");

    private static final String MEMBERS = "became rows of LLM_TeamMembership";

    private static final Reference BUDGET =
            new Reference("budget_id", "budget_id", "LLM_BudgetTable", "budget_id", Missing.CLEAR);
    private static final Reference ORGANIZATION = new Reference(
            "organization_id", "organization_id", "LLM_OrganizationTable", "organization_id", Missing.CLEAR);
    private static final Reference MEMBER =
            new Reference("user_id", "user_id", "LLM_UserTable", "user_id", Missing.MAKE);

    private final Source source;
    private final BudgetCalendar calendar;
    private final Instant now;

    Entities(Source source, BudgetCalendar calendar) {
        this.source = source;
        this.calendar = calendar;
        this.now = source.snapshot();
    }

    List<Entity> beforeMembers() {
        return List.of(budgets(), organizations(), users(), teams());
    }

    List<Entity> afterMembers() {
        return List.of(
                organizationMembers(), keys(), graceKeys(), endUsers(), tags(), invitations(), modelAccessRequests());
    }

    Entity teamMembers() {
        return entity(
                "LiteLLM_TeamMembership",
                "LLM_TeamMembership",
                List.of("user_id", "team_id"),
                "user_id team_id budget_id",
                Counter.TEAM_MEMBER,
                List.of(BUDGET, new Reference("team_id", "team_id", "LLM_TeamTable", "team_id", Missing.SKIP), MEMBER),
                linkedBudget("LiteLLM_TeamMembership"),
                row -> {
                    id(row, "user_id");
                    id(row, "team_id");
                    row.text("budget_id");
                    count(row, row.raw("#reset"), row.raw("#duration"));
                    row.rest(null);
                });
    }

    private Entity budgets() {
        return entity(
                "LiteLLM_BudgetTable",
                "LLM_BudgetTable",
                List.of("budget_id"),
                "budget_id max_budget soft_budget max_parallel_requests tpm_limit rpm_limit model_max_budget budget_duration"
                        + " budget_reset_at allowed_models created_at created_by updated_at updated_by",
                null,
                List.of(),
                Map.of(),
                row -> {
                    id(row, "budget_id");
                    terms(row);
                    row.time("budget_reset_at");
                    row.texts("allowed_models");
                    stamps(row, true);
                    row.rest(null);
                });
    }

    private Entity organizations() {
        return entity(
                "LiteLLM_OrganizationTable",
                "LLM_OrganizationTable",
                List.of("organization_id"),
                "organization_id organization_alias budget_id metadata models model_spend created_at created_by updated_at updated_by",
                Counter.ORGANIZATION,
                List.of(new Reference("budget_id", "budget_id", "LLM_BudgetTable", "budget_id", Missing.MAKE)),
                with(linkedBudget("LiteLLM_OrganizationTable"), permissions("LiteLLM_OrganizationTable")),
                row -> {
                    id(row, "organization_id");
                    row.textOr("organization_alias", "");
                    row.textOr("budget_id", "");
                    if (row.rawOr("budget_id", "").isEmpty()) {
                        row.put("budget_id", "organization:" + row.raw("organization_id"));
                    }
                    row.object("metadata", "metadata");
                    row.texts("models");
                    row.object("model_spend", "model_spend");
                    stamps(row, true);
                    count(row, row.raw("#reset"), row.raw("#duration"));
                    rest(row);
                });
    }

    private Entity users() {
        return entity(
                "LiteLLM_UserTable",
                "LLM_UserTable",
                List.of("user_id"),
                "user_id user_alias team_id sso_user_id organization_id password user_role max_budget soft_budget user_email models"
                        + " metadata max_parallel_requests tpm_limit rpm_limit budget_duration allowed_cache_controls model_spend"
                        + " model_max_budget budget_limits created_at updated_at",
                Counter.USER,
                List.of(ORGANIZATION),
                permissions("LiteLLM_UserTable"),
                row -> {
                    id(row, "user_id");
                    for (String text : List.of("user_alias", "team_id", "password", "user_role", "user_email")) {
                        row.text(text);
                    }
                    optional(row, "sso_user_id");
                    optional(row, "organization_id");
                    row.texts("models");
                    row.object("metadata", "metadata");
                    terms(row);
                    row.furtherWindows("budget_limits");
                    row.texts("allowed_cache_controls");
                    row.object("model_spend", "model_spend");
                    row.changed("teams", MEMBERS);
                    stamps(row, false);
                    count(row, row.raw("budget_reset_at"), row.raw("budget_duration"));
                    rest(row);
                });
    }

    private static final String TEAM_COLUMNS =
            "team_id team_alias organization_id metadata max_budget soft_budget models max_parallel_requests tpm_limit rpm_limit"
                    + " budget_duration blocked model_spend model_max_budget model_aliases team_member_permissions budget_limits"
                    + " created_at updated_at";

    private Entity teams() {
        return entity(
                "LiteLLM_TeamTable",
                "LLM_TeamTable",
                List.of("team_id"),
                TEAM_COLUMNS,
                Counter.TEAM,
                List.of(ORGANIZATION),
                with(permissions("LiteLLM_TeamTable"), modelAliases()),
                row -> {
                    team(row);
                    for (String list : List.of("admins", "members", "members_with_roles")) {
                        row.changed(list, MEMBERS);
                    }
                    count(row, row.raw("budget_reset_at"), row.raw("budget_duration"));
                    rest(row);
                });
    }

    private void team(Row row) {
        id(row, "team_id");
        row.text("team_alias");
        optional(row, "organization_id");
        row.object("metadata", "metadata");
        row.texts("models");
        terms(row);
        row.furtherWindows("budget_limits");
        row.flag("blocked", false);
        row.object("model_spend", "model_spend");
        row.texts("team_member_permissions");
        aliases(row);
        stamps(row, false);
    }

    /** Aliases stand in a table of their own there, which the team names by a number. */
    private static void aliases(Row row) {
        row.changed("model_id", "the aliases that it leads to are in model_aliases");
        row.textMap("#aliases", "model_aliases");
    }

    private Entity organizationMembers() {
        return entity(
                "LiteLLM_OrganizationMembership",
                "LLM_OrganizationMembership",
                List.of("user_id", "organization_id"),
                "user_id organization_id user_role budget_id created_at updated_at",
                Counter.ORGANIZATION_MEMBER,
                List.of(
                        BUDGET,
                        new Reference(
                                "organization_id",
                                "organization_id",
                                "LLM_OrganizationTable",
                                "organization_id",
                                Missing.SKIP),
                        MEMBER),
                linkedBudget("LiteLLM_OrganizationMembership"),
                row -> {
                    id(row, "user_id");
                    id(row, "organization_id");
                    row.text("user_role");
                    row.text("budget_id");
                    stamps(row, false);
                    count(row, row.raw("#reset"), row.raw("#duration"));
                    row.rest(null);
                });
    }

    private static final String KEY_COLUMNS =
            "token key_name key_alias soft_budget_cooldown expires models aliases config user_id team_id permissions"
                    + " max_parallel_requests metadata blocked tpm_limit rpm_limit max_budget soft_budget budget_duration"
                    + " allowed_cache_controls allowed_routes model_spend model_max_budget budget_id organization_id budget_limits"
                    + " created_at created_by updated_at updated_by last_active rotation_count auto_rotate rotation_interval"
                    + " last_rotation_at key_rotation_at";

    private Entity keys() {
        return entity(
                "LiteLLM_VerificationToken",
                "LLM_VerificationToken",
                List.of("token"),
                KEY_COLUMNS,
                Counter.KEY,
                List.of(BUDGET, ORGANIZATION),
                with(linkedBudget("LiteLLM_VerificationToken"), permissions("LiteLLM_VerificationToken")),
                row -> {
                    KeyColumns.translate(row, this::terms, now);
                    boolean linked = row.raw("max_budget") == null && row.raw("#duration") != null;
                    count(
                            row,
                            row.raw(linked ? "#reset" : "budget_reset_at"),
                            row.raw(linked ? "#duration" : "budget_duration"));
                    rest(row);
                });
    }

    /** A key as an archive keeps it. */
    void archivedKey(Row row) {
        KeyColumns.translate(row, this::terms, now);
        count(row, row.raw("budget_reset_at"), row.raw("budget_duration"));
        counters(row);
    }

    /** A team as an archive keeps it. */
    void archivedTeam(Row row) {
        team(row);
        row.texts("admins");
        row.texts("members");
        row.carried("members_with_roles");
        row.put("members_with_roles", Json.value(row.rawOr("members_with_roles", "[]")));
        count(row, row.raw("budget_reset_at"), row.raw("budget_duration"));
        counters(row);
    }

    private static void counters(Row row) {
        Counted counted = row.counted();
        if (counted != null) {
            row.put("spend", counted.opening());
            row.put("total_spend", counted.lifetime());
            row.put(
                    "spend_window_start",
                    counted.windowStart() == null ? null : counted.windowStart().toString());
            row.put(
                    "budget_reset_at",
                    counted.resetAt() == null ? null : counted.resetAt().toString());
        }
    }

    private Entity graceKeys() {
        return entity(
                "LiteLLM_DeprecatedVerificationToken",
                "LLM_DeprecatedVerificationToken",
                List.of("token"),
                "token active_token_id revoke_at created_at",
                null,
                List.of(new Reference(
                        "active_token_id", "active_token_id", "LLM_VerificationToken", "token", Missing.SKIP)),
                Map.of(),
                row -> {
                    KeyColumns.token(row, "token");
                    row.put("active_token_id", row.keyHash("active_token_id"));
                    row.timeOr("revoke_at", now);
                    row.timeOr("created_at", now);
                    row.left("id", "rows are named by the key's hash here");
                    row.rest(null);
                });
    }

    private Entity endUsers() {
        return entity(
                "LiteLLM_EndUserTable",
                "LLM_EndUserTable",
                List.of("user_id"),
                "user_id alias allowed_model_region default_model budget_id blocked",
                Counter.END_USER,
                List.of(BUDGET),
                linkedBudget("LiteLLM_EndUserTable"),
                row -> {
                    id(row, "user_id");
                    row.text("alias");
                    row.text("allowed_model_region");
                    row.text("default_model");
                    row.text("budget_id");
                    row.flag("blocked", false);
                    count(row, row.raw("#reset"), row.raw("#duration"));
                    row.rest(null);
                });
    }

    private Entity tags() {
        return entity(
                "LiteLLM_TagTable",
                "LLM_TagTable",
                List.of("tag_name"),
                "tag_name description models model_info budget_id created_at created_by updated_at",
                Counter.TAG,
                List.of(BUDGET),
                linkedBudget("LiteLLM_TagTable"),
                row -> {
                    id(row, "tag_name");
                    row.text("description");
                    row.texts("models");
                    row.object("model_info", "model_info");
                    row.text("budget_id");
                    stamps(row, true);
                    count(row, row.raw("#reset"), row.raw("#duration"));
                    row.rest(null);
                });
    }

    private Entity invitations() {
        return entity(
                "LiteLLM_InvitationLink",
                "LLM_InvitationLink",
                List.of("id"),
                "id user_id is_accepted accepted_at expires_at created_at created_by updated_at updated_by",
                null,
                List.of(new Reference("user_id", "user_id", "LLM_UserTable", "user_id", Missing.SKIP)),
                Map.of(),
                row -> {
                    id(row, "id");
                    row.text("user_id");
                    row.flag("is_accepted", false);
                    row.time("accepted_at");
                    row.timeOr("expires_at", now);
                    stamps(row, true);
                    boolean accepted = Boolean.TRUE.equals(row.here().get("is_accepted"));
                    if (accepted && row.here().get("accepted_at") == null) {
                        row.put("accepted_at", row.here().get("updated_at"));
                        row.changed("is_accepted", "accepted without a time: at its last change");
                    } else if (!accepted && row.here().get("accepted_at") != null) {
                        row.put("accepted_at", null);
                        row.left("accepted_at", "the invitation was not accepted");
                    }
                    row.rest(null);
                });
    }

    private Entity modelAccessRequests() {
        return entity(
                "LiteLLM_UserNotifications",
                "LLM_UserNotifications",
                List.of("request_id"),
                "request_id user_id models justification status created_at decided_by decided_at",
                null,
                List.of(),
                Map.of(),
                row -> {
                    id(row, "request_id");
                    row.textOr("user_id", "");
                    row.texts("models");
                    row.textOr("justification", "");
                    row.textOr("status", "pending");
                    String status = row.rawOr("status", "pending");
                    if (!Set.of("pending", "approved", "disapproved").contains(status)) {
                        row.put("status", "disapproved");
                        row.changed("status", "\"" + status + "\" grants nothing, as disapproved does");
                    }
                    boolean decided = !status.equals("pending");
                    row.put("created_at", now.toString());
                    row.put("decided_by", decided ? "" : null);
                    row.put("decided_at", decided ? now.toString() : null);
                    row.rest(null);
                });
    }

    // --- what several tables have

    private static Entity entity(
            String source,
            String target,
            List<String> key,
            String columns,
            @Nullable Counter counter,
            List<Reference> references,
            Map<String, String> beside,
            Translator translator) {
        return new Entity(
                source, target, key, List.of(columns.split(" ")), counter, references, MOVING, beside, translator);
    }

    static void id(Row row, String column) {
        row.text(column);
        String id = row.raw(column);
        if (id == null || id.isEmpty()) {
            row.skip(column + " is empty, so that nobody can name the row");
        } else if (id.length() > 600) {
            row.skip(column + " has more than 600 characters");
        }
    }

    private static void optional(Row row, String column) {
        row.text(column);
        if ("".equals(row.raw(column))) {
            row.put(column, null);
            row.changed(column, "an empty text means none");
        }
    }

    private void terms(Row row) {
        row.limit("max_budget");
        row.limit("soft_budget");
        row.wholeLimit("max_parallel_requests");
        row.wholeLimit("tpm_limit");
        row.wholeLimit("rpm_limit");
        row.duration("budget_duration");
        row.modelBudgets("model_max_budget");
    }

    private void stamps(Row row, boolean withActors) {
        row.timeOr("created_at", now);
        row.timeOr("updated_at", now);
        if (withActors) {
            row.textOr("created_by", "");
            row.textOr("updated_by", "");
        }
    }

    private static void rest(Row row) {
        String permission = row.raw("#permission");
        row.rest("metadata");
        if (permission != null && row.here().get("metadata") instanceof Map<?, ?> metadata) {
            Map<String, @Nullable Object> with = new LinkedHashMap<>();
            metadata.forEach((name, value) -> with.put(String.valueOf(name), value));
            Map<String, @Nullable Object> leftovers = new LinkedHashMap<>();
            if (with.get(Row.LEFTOVERS) instanceof Map<?, ?> there) {
                there.forEach((name, value) -> leftovers.put(String.valueOf(name), value));
            }
            leftovers.put("object_permission", Json.value(permission));
            with.put(Row.LEFTOVERS, leftovers);
            row.put("metadata", with);
        }
    }

    /** What the counter has, and which window it counts. */
    private void count(Row row, @Nullable String reset, @Nullable String duration) {
        BigDecimal spend = row.raw("spend") == null ? BigDecimal.ZERO : row.spend("spend");
        BigDecimal total = row.spend("total_spend");
        Instant resetAt = reset == null ? null : Times.instant(reset);
        if (row.raw("budget_reset_at") != null) {
            row.carried("budget_reset_at");
            if (resetAt == null && Objects.equals(row.raw("budget_reset_at"), reset)) {
                row.changed(
                        "budget_reset_at", "no time that can be kept: the first window begins with the next request");
            }
        }
        BudgetDuration length = Row.durationOf(duration);
        if (length == null && resetAt != null) {
            resetAt = null;
            row.left("budget_reset_at", "without a duration nothing is ever reset");
        }
        if (length != null && resetAt != null && !now.isBefore(resetAt)) {
            Window present = calendar.windowAt(length, resetAt, now);
            row.counted(new Counted(spend, total, present.start(), present.end(), resetAt, true));
        } else {
            row.counted(new Counted(spend, total, start(length, resetAt), resetAt, resetAt, false));
        }
    }

    /** The window that ends at an instant: the calendar's, or as long as it says. */
    private @Nullable Instant start(@Nullable BudgetDuration length, @Nullable Instant reset) {
        if (length == null || reset == null) {
            return null;
        }
        Window window = calendar.windowAt(length, null, reset.minusNanos(1));
        Instant start = window.end().equals(reset) ? window.start() : before(length, reset);
        return start.isAfter(now) ? null : start;
    }

    private static Instant before(BudgetDuration length, Instant reset) {
        return length.unit() == BudgetDuration.Unit.MONTH
                ? reset.atOffset(java.time.ZoneOffset.UTC)
                        .minusMonths(length.amount())
                        .toInstant()
                : reset.minusSeconds(length.toSecondsAtMost());
    }

    private Map<String, String> linkedBudget(String table) {
        Source.Table own = source.table(table);
        Source.Table budgets = source.table("LiteLLM_BudgetTable");
        if (own == null || budgets == null || !own.has("budget_id")) {
            return Map.of();
        }
        Map<String, String> beside = new LinkedHashMap<>();
        for (Map.Entry<String, String> column : Map.of("#reset", "budget_reset_at", "#duration", "budget_duration")
                .entrySet()) {
            if (budgets.has(column.getValue())) {
                beside.put(
                        column.getKey(),
                        lookUp("b." + Source.quoted(column.getValue()) + "::text", "LiteLLM_BudgetTable", "b")
                                + " WHERE b.budget_id = t.budget_id LIMIT 1)");
            }
        }
        return beside;
    }

    private Map<String, String> permissions(String table) {
        Source.Table own = source.table(table);
        if (own == null || !own.has("object_permission_id") || source.table("LiteLLM_ObjectPermissionTable") == null) {
            return Map.of();
        }
        return Map.of(
                "#permission",
                lookUp("to_jsonb(p)::text", "LiteLLM_ObjectPermissionTable", "p")
                        + " WHERE p.object_permission_id = t.object_permission_id LIMIT 1)");
    }

    private Map<String, String> modelAliases() {
        Source.Table own = source.table("LiteLLM_TeamTable");
        Source.Table aliases = source.table("LiteLLM_ModelTable");
        if (own == null || aliases == null || !own.has("model_id") || !aliases.has("aliases")) {
            return Map.of();
        }
        return Map.of(
                "#aliases", lookUp("m.aliases::text", "LiteLLM_ModelTable", "m") + " WHERE m.id = t.model_id LIMIT 1)");
    }

    private String lookUp(String what, String table, String alias) {
        String from = source.from(table);
        return "(SELECT " + what + " FROM " + from.substring(0, from.length() - 1) + alias;
    }

    private static Map<String, String> with(Map<String, String> some, Map<String, String> more) {
        Map<String, String> all = new LinkedHashMap<>(some);
        all.putAll(more);
        return all;
    }

    /** Names that keys, archives and the like share. */
    static List<String> keyColumns() {
        return new ArrayList<>(List.of(KEY_COLUMNS.split(" ")));
    }
}
