package io.llmdb.tests.identity;

import java.io.PrintWriter;
import java.lang.reflect.InvocationTargetException;
import java.lang.reflect.Proxy;
import java.sql.Connection;
import java.sql.PreparedStatement;
import java.sql.SQLException;
import java.sql.Statement;
import java.util.Set;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.logging.Logger;
import javax.sql.DataSource;

/** Counts what goes to the server, statement by statement, and fails at the n-th, once. */
final class FailingDataSource implements DataSource {

    private static final Set<String> TRIPS = Set.of("commit", "setSavepoint", "releaseSavepoint");

    private final DataSource real;
    private final AtomicInteger statements = new AtomicInteger();
    private volatile int failAt = Integer.MAX_VALUE;

    FailingDataSource(DataSource real) {
        this.real = real;
    }

    /** Fails at the n-th statement from now on; 0 is none. */
    void failAt(int statement) {
        statements.set(0);
        failAt = statement == 0 ? Integer.MAX_VALUE : statement;
    }

    /** How many statements there were since the last call of {@link #failAt}. */
    int statements() {
        return statements.get();
    }

    @Override
    public Connection getConnection() throws SQLException {
        return watched(Connection.class, real.getConnection());
    }

    private <T> T watched(Class<T> type, T target) {
        return type.cast(Proxy.newProxyInstance(
                getClass().getClassLoader(), new Class<?>[] {type}, (self, method, arguments) -> {
                    if (method.getName().startsWith("execute") || TRIPS.contains(method.getName())) {
                        int now = statements.incrementAndGet();
                        if (now == failAt) {
                            throw new SQLException("the test fails statement " + now, "58030");
                        }
                    }
                    Object result;
                    try {
                        result = method.invoke(target, arguments);
                    } catch (InvocationTargetException e) {
                        throw e.getCause();
                    }
                    if (result instanceof PreparedStatement statement) {
                        return watched(PreparedStatement.class, statement);
                    }
                    return result instanceof Statement statement
                                    && method.getName().equals("createStatement")
                            ? watched(Statement.class, statement)
                            : result;
                }));
    }

    @Override
    public Connection getConnection(String user, String password) throws SQLException {
        throw new SQLException("not used");
    }

    @Override
    public PrintWriter getLogWriter() throws SQLException {
        return real.getLogWriter();
    }

    @Override
    public void setLogWriter(PrintWriter out) throws SQLException {
        real.setLogWriter(out);
    }

    @Override
    public void setLoginTimeout(int seconds) throws SQLException {
        real.setLoginTimeout(seconds);
    }

    @Override
    public int getLoginTimeout() throws SQLException {
        return real.getLoginTimeout();
    }

    @Override
    public Logger getParentLogger() {
        return Logger.getGlobal();
    }

    @Override
    public <T> T unwrap(Class<T> type) throws SQLException {
        return real.unwrap(type);
    }

    @Override
    public boolean isWrapperFor(Class<?> type) throws SQLException {
        return real.isWrapperFor(type);
    }
}
