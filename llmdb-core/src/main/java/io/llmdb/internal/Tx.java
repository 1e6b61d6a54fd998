package io.llmdb.internal;

import java.sql.Connection;
import org.jooq.DSLContext;
import org.jspecify.annotations.Nullable;

/**
 * One open transaction.
 *
 * @param connection its connection; never closed, committed or rolled back by who receives it
 * @param dsl jOOQ on the same connection
 */
public record Tx(Connection connection, DSLContext dsl) {

    /**
     * Work in a transaction.
     *
     * @param <T> what it returns
     */
    @FunctionalInterface
    public interface Work<T extends @Nullable Object> {

        /**
         * @param tx the open transaction
         * @return the result
         * @throws java.sql.SQLException where PostgreSQL refuses
         */
        @Nullable
        T run(Tx tx) throws java.sql.SQLException;
    }
}
