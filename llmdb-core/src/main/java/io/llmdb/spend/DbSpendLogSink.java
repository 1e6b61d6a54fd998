package io.llmdb.spend;

import java.sql.SQLException;

/**
 * Writes {@code "LLM_SpendLogs"}: a row for every finished request, successful or not, in the transaction that books
 * it.
 */
public final class DbSpendLogSink implements SpendLogSink {

    private final LogRows rows;

    DbSpendLogSink(LogRows rows) {
        this.rows = rows;
    }

    @Override
    public void write(SpendBatch batch) throws SQLException {
        rows.writeSpend(batch.transaction().orElseThrow(), batch.events());
    }

    @Override
    public Phase phase() {
        return Phase.IN_TRANSACTION;
    }
}
