package io.llmdb.move;

import java.time.LocalDate;
import org.jspecify.annotations.Nullable;

/**
 * What is moved beside that which keys and budgets need to go on working: keys, users, teams, members, budgets, end
 * users, tags, counters, windows, adjustments, alerts, leases, daily totals, archives and dead letters always come
 * along.
 *
 * <p>Of spend log rows that are not moved, those that start on {@code logsFrom} or later leave a receipt of 40 bytes
 * each, so that an event that is offered again after the move is still booked once.
 *
 * @param organizations organizations and their members; needed where a key, user or team belongs to one
 * @param models the models in the database
 * @param spendLogs the log of requests
 * @param errorLogs the log of failed requests
 * @param auditLog the audit log
 * @param logsFrom the first UTC day of the two logs of requests that is moved; null: from the beginning
 * @param logsUntil the first UTC day of them that is not moved any more; null: to the end
 */
public record MoveChoice(
        boolean organizations,
        boolean models,
        boolean spendLogs,
        boolean errorLogs,
        boolean auditLog,
        @Nullable LocalDate logsFrom,
        @Nullable LocalDate logsUntil) {

    /** Refuses a range without days. */
    public MoveChoice {
        if (logsFrom != null && logsUntil != null && !logsFrom.isBefore(logsUntil)) {
            throw new io.llmdb.error.InvalidArgumentException(
                    "logsUntil " + logsUntil + " is not after logsFrom " + logsFrom + ": the range has no day");
        }
    }

    /** @return everything */
    public static MoveChoice everything() {
        return new MoveChoice(true, true, true, true, true, null, null);
    }

    /** @return what keys and budgets need to go on working, and nothing else */
    public static MoveChoice required() {
        return new MoveChoice(false, false, false, false, false, null, null);
    }

    /**
     * @param value whether organizations and their members are moved
     * @return the changed choice
     */
    public MoveChoice withOrganizations(boolean value) {
        return new MoveChoice(value, models, spendLogs, errorLogs, auditLog, logsFrom, logsUntil);
    }

    /**
     * @param value whether the models in the database are moved
     * @return the changed choice
     */
    public MoveChoice withModels(boolean value) {
        return new MoveChoice(organizations, value, spendLogs, errorLogs, auditLog, logsFrom, logsUntil);
    }

    /**
     * @param value whether the log of requests is moved
     * @return the changed choice
     */
    public MoveChoice withSpendLogs(boolean value) {
        return new MoveChoice(organizations, models, value, errorLogs, auditLog, logsFrom, logsUntil);
    }

    /**
     * @param value whether the log of failed requests is moved
     * @return the changed choice
     */
    public MoveChoice withErrorLogs(boolean value) {
        return new MoveChoice(organizations, models, spendLogs, value, auditLog, logsFrom, logsUntil);
    }

    /**
     * @param value whether the audit log is moved
     * @return the changed choice
     */
    public MoveChoice withAuditLog(boolean value) {
        return new MoveChoice(organizations, models, spendLogs, errorLogs, value, logsFrom, logsUntil);
    }

    /**
     * Limits the logs of requests to some days.
     *
     * @param from the first UTC day; null: from the beginning
     * @param until the first day that is not moved any more; null: to the end
     * @return the changed choice
     */
    public MoveChoice withLogsBetween(@Nullable LocalDate from, @Nullable LocalDate until) {
        return new MoveChoice(organizations, models, spendLogs, errorLogs, auditLog, from, until);
    }

    String json() {
        return "{\"organizations\":" + organizations + ",\"models\":" + models + ",\"spendLogs\":" + spendLogs
                + ",\"errorLogs\":" + errorLogs + ",\"auditLog\":" + auditLog + ",\"logsFrom\":" + text(logsFrom)
                + ",\"logsUntil\":" + text(logsUntil) + "}";
    }

    private static String text(@Nullable LocalDate day) {
        return day == null ? "null" : '"' + day.toString() + '"';
    }
}
