package io.llmdb.maintenance;

import java.time.Instant;
import java.time.LocalDate;
import java.time.ZoneOffset;

/** The partitioned logs. Days are days of UTC, as in the daily totals. */
enum LogTable {
    SPEND_LOGS("LLM_SpendLogs", "startTime", false),
    ERROR_LOGS("LLM_ErrorLogs", "startTime", false),
    RECEIPTS("LLM_SpendReceipt", "startTime", false),
    /** Few rows, kept for years: a partition a month, so that they do not become thousands. */
    AUDIT_LOG("LLM_AuditLog", "updated_at", true);

    private final String table;
    private final String column;
    private final boolean monthly;

    LogTable(String table, String column, boolean monthly) {
        this.table = table;
        this.column = column;
        this.monthly = monthly;
    }

    String table() {
        return table;
    }

    /** What it is partitioned by. */
    String column() {
        return column;
    }

    /** The first instant of the partition that holds a day. */
    Instant start(LocalDate day) {
        return (monthly ? day.withDayOfMonth(1) : day)
                .atStartOfDay(ZoneOffset.UTC)
                .toInstant();
    }

    /** The first instant behind it. */
    Instant end(LocalDate day) {
        return (monthly ? day.withDayOfMonth(1).plusMonths(1) : day.plusDays(1))
                .atStartOfDay(ZoneOffset.UTC)
                .toInstant();
    }
}
