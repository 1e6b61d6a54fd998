package io.llmdb.move;

import java.util.List;
import java.util.Set;

/** Every table of ours, and what a move does with it. */
final class Catalogue {

    /** When a table is moved. */
    enum Group {
        ALWAYS,
        ORGANIZATIONS,
        MODELS;

        boolean isIn(MoveChoice choice) {
            return switch (this) {
                case ALWAYS -> true;
                case ORGANIZATIONS -> choice.organizations();
                case MODELS -> choice.models();
            };
        }
    }

    /**
     * A table whose rows are known by a key and change.
     *
     * @param linked whether foreign keys lead to or from it, so that its place in the order matters
     */
    record Keyed(String name, Group group, boolean linked) {}

    /**
     * A log, partitioned by a time.
     *
     * @param name the table on the target
     * @param time its time column
     */
    record Log(String name, String time) {}

    /** Those that others point at come first. */
    static final List<Keyed> KEYED = List.of(
            linked("LLM_BudgetTable", Group.ALWAYS),
            linked("LLM_OrganizationTable", Group.ORGANIZATIONS),
            linked("LLM_TeamTable", Group.ALWAYS),
            linked("LLM_UserTable", Group.ALWAYS),
            linked("LLM_TeamMembership", Group.ALWAYS),
            linked("LLM_OrganizationMembership", Group.ORGANIZATIONS),
            linked("LLM_InvitationLink", Group.ALWAYS),
            linked("LLM_VerificationToken", Group.ALWAYS),
            linked("LLM_DeprecatedVerificationToken", Group.ALWAYS),
            linked("LLM_EndUserTable", Group.ALWAYS),
            linked("LLM_TagTable", Group.ALWAYS),
            alone("LLM_UserNotifications", Group.ALWAYS),
            alone("LLM_DeletedVerificationToken", Group.ALWAYS),
            alone("LLM_DeletedTeamTable", Group.ALWAYS),
            alone("LLM_ProxyModelTable", Group.MODELS),
            alone("LLM_SpendCounter", Group.ALWAYS),
            // What the old side's instances hold stays reserved until it is settled or lapses, as after a crash.
            alone("LLM_Lease", Group.ALWAYS),
            alone("LLM_BudgetWindow", Group.ALWAYS),
            alone("LLM_BudgetAlert", Group.ALWAYS),
            alone("LLM_SpendAdjustment", Group.ALWAYS),
            alone("LLM_DailySpend", Group.ALWAYS),
            alone("LLM_DailyEndUserSpend", Group.ALWAYS),
            alone("LLM_DailyTagSpend", Group.ALWAYS),
            alone("LLM_DailyErrors", Group.ALWAYS),
            alone("LLM_DeadLetter", Group.ALWAYS),
            // What is accepted and not booked yet, the instances of the target book.
            alone("LLM_SpendInbox", Group.ALWAYS),
            // So that an import that is run again on the new side still knows what it brought.
            alone("LLM_Import", Group.ALWAYS),
            alone("LLM_ImportRow", Group.ALWAYS),
            alone("LLM_ImportDay", Group.ALWAYS));

    static final String SPEND_LOGS = "LLM_SpendLogs";
    static final String RECEIPTS = "LLM_SpendReceipt";

    static final List<Log> LOGS = List.of(
            new Log(SPEND_LOGS, "startTime"),
            new Log(RECEIPTS, "startTime"),
            new Log("LLM_ErrorLogs", "startTime"),
            new Log("LLM_AuditLog", "updated_at"));

    /** What the logs say of themselves; carried over field by field. */
    static final String LOG_STATE = "LLM_LogState";

    /**
     * Of one database and its server alone: what its instances have heard of, do by turns and hold of this minute's
     * limits, and this move itself.
     */
    static final Set<String> LEFT = Set.of(
            "LLM_Change",
            "LLM_Job",
            "LLM_DatabaseState",
            "LLM_LimitCounter",
            "LLM_LimitLease",
            // Reports make these anew from the daily totals and the log.
            "LLM_DailySum",
            "LLM_QuarterHourSum",
            "LLM_HourSum",
            "LLM_SummedUp",
            "LLM_Move",
            "LLM_MoveUnit",
            "LLM_MoveTouch");

    private Catalogue() {}

    private static Keyed linked(String name, Group group) {
        return new Keyed(name, group, true);
    }

    private static Keyed alone(String name, Group group) {
        return new Keyed(name, group, false);
    }

    static List<Keyed> keyed(MoveChoice choice) {
        return KEYED.stream().filter(table -> table.group().isIn(choice)).toList();
    }

    static boolean knows(String table) {
        return LEFT.contains(table)
                || LOG_STATE.equals(table)
                || KEYED.stream().anyMatch(keyed -> keyed.name().equals(table))
                || LOGS.stream().anyMatch(log -> log.name().equals(table));
    }
}
