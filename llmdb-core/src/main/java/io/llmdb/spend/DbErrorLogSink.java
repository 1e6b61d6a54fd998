package io.llmdb.spend;

import java.sql.SQLException;

/** Writes {@code "LLM_ErrorLogs"}: a row for every failed request, in the transaction that books it. */
public final class DbErrorLogSink implements SpendLogSink {

    private final LogRows rows;

    DbErrorLogSink(LogRows rows) {
        this.rows = rows;
    }

    @Override
    public void write(SpendBatch batch) throws SQLException {
        rows.writeErrors(batch.transaction().orElseThrow(), batch.events());
    }

    @Override
    public Phase phase() {
        return Phase.IN_TRANSACTION;
    }
}
