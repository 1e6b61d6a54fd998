package io.llmdb.testkit;

import io.llmdb.internal.Json;
import java.lang.reflect.InvocationHandler;
import java.lang.reflect.InvocationTargetException;
import java.lang.reflect.Method;
import java.lang.reflect.Proxy;
import java.sql.Connection;
import java.sql.PreparedStatement;
import java.sql.ResultSet;
import java.sql.SQLException;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.function.Consumer;
import java.util.stream.Collectors;
import javax.sql.DataSource;
import org.jspecify.annotations.Nullable;

/**
 * The plans of all queries that go through a data source, as the server ran them: {@code EXPLAIN (ANALYZE)} with the
 * same arguments, just before. A test asserts with it that nothing reads a table from end to end.
 *
 * <p>Queries are those that are run by {@link PreparedStatement#executeQuery()} or, where they begin with SELECT or
 * WITH, by {@link PreparedStatement#execute()}. Safe for use by several threads.
 */
public final class CapturedPlans {

    private final DataSource source;
    private final List<Plan> plans = new CopyOnWriteArrayList<>();
    private final AtomicBoolean on = new AtomicBoolean(true);

    private CapturedPlans(DataSource source) {
        this.source = source;
    }

    /**
     * @param source where connections come from
     * @return captures from now on whatever goes through its own {@link #dataSource()}
     */
    public static CapturedPlans of(DataSource source) {
        return new CapturedPlans(source);
    }

    /** @return connections whose queries are captured */
    public DataSource dataSource() {
        return proxy(
                DataSource.class,
                source,
                (method, arguments, result) ->
                        result instanceof Connection connection ? connection(connection) : result);
    }

    /** @return the plans so far, in the order in which the queries ran; those after the call are new */
    public List<Plan> take() {
        List<Plan> taken = List.copyOf(plans);
        plans.removeAll(taken);
        return taken;
    }

    /** @param capture whether to capture; queries cost twice while it does */
    public void capture(boolean capture) {
        on.set(capture);
    }

    /**
     * A query and how the server ran it.
     *
     * @param sql the query, with question marks
     * @param text the plan as people read it
     * @param scans each place of the plan that reads a table or an index
     */
    public record Plan(String sql, String text, List<Scan> scans) {

        /** Copies the list. */
        public Plan {
            scans = List.copyOf(scans);
        }

        /**
         * The scans that read a table from end to end.
         *
         * @param tables the tables' names begin with this
         * @return the scans that ran, with at least one row read
         */
        public List<Scan> fullScansOf(String tables) {
            return scans.stream()
                    .filter(scan ->
                            scan.node().endsWith("Seq Scan") && scan.table().startsWith(tables) && scan.rowsRead() > 0)
                    .toList();
        }
    }

    /**
     * A place of a plan that reads a table or an index.
     *
     * @param node the kind, such as {@code Seq Scan}
     * @param table the table's own name
     * @param index the index, or empty
     * @param rowsRead how many rows it read, those that it threw away included
     */
    public record Scan(String node, String table, String index, long rowsRead) {}

    private Connection connection(Connection connection) {
        return proxy(
                Connection.class,
                connection,
                (method, arguments, result) -> result instanceof PreparedStatement statement
                                && arguments != null
                                && arguments[0] instanceof String sql
                        ? statement(connection, sql, statement)
                        : result);
    }

    private PreparedStatement statement(Connection connection, String sql, PreparedStatement statement) {
        List<Call> calls = new ArrayList<>();
        String start = sql.stripLeading();
        boolean isQuery = start.regionMatches(true, 0, "SELECT", 0, 6) || start.regionMatches(true, 0, "WITH", 0, 4);
        return proxy(PreparedStatement.class, statement, (method, arguments, result) -> result, (method, arguments) -> {
            if (method.getName().startsWith("set") && arguments != null && arguments.length >= 2) {
                calls.add(new Call(method, Arrays.asList(arguments.clone())));
            } else if (isQuery && on.get() && method.getName().startsWith("execute") && arguments == null) {
                plans.add(explain(connection, sql, calls));
            }
        });
    }

    private record Call(Method method, List<Object> arguments) {}

    private static Plan explain(Connection connection, String sql, List<Call> calls) {
        try {
            String json = lines(connection, "EXPLAIN (ANALYZE, BUFFERS, FORMAT JSON) " + sql, calls);
            String text = lines(connection, "EXPLAIN (ANALYZE, TIMING OFF, COSTS OFF, SUMMARY OFF) " + sql, calls);
            List<Scan> scans = new ArrayList<>();
            Object parsed = Json.value(json);
            if (parsed instanceof List<?> list && list.get(0) instanceof Map<?, ?> root) {
                collect(root.get("Plan"), scans);
            }
            return new Plan(sql, text, scans);
        } catch (SQLException | ReflectiveOperationException e) {
            throw new TestkitException("No plan of " + sql + ": " + e.getMessage(), e);
        }
    }

    private static String lines(Connection connection, String sql, List<Call> calls)
            throws SQLException, ReflectiveOperationException {
        try (PreparedStatement statement = connection.prepareStatement(sql)) {
            for (Call call : calls) {
                call.method.invoke(statement, call.arguments.toArray());
            }
            try (ResultSet rows = statement.executeQuery()) {
                List<String> lines = new ArrayList<>();
                while (rows.next()) {
                    lines.add(rows.getString(1));
                }
                return lines.stream().collect(Collectors.joining("\n"));
            }
        }
    }

    private static void collect(@Nullable Object node, List<Scan> scans) {
        if (!(node instanceof Map<?, ?> plan)) {
            return;
        }
        if (plan.get("Relation Name") instanceof String table) {
            long perLoop = number(plan, "Actual Rows")
                    + number(plan, "Rows Removed by Filter")
                    + number(plan, "Rows Removed by Index Recheck");
            Object index = plan.get("Index Name");
            scans.add(new Scan(
                    String.valueOf(plan.get("Node Type")),
                    table,
                    index == null ? "" : index.toString(),
                    perLoop * number(plan, "Actual Loops")));
        }
        if (plan.get("Plans") instanceof List<?> children) {
            children.forEach(child -> collect(child, scans));
        }
    }

    private static long number(Map<?, ?> plan, String name) {
        return plan.get(name) instanceof Number number ? Math.round(number.doubleValue()) : 0;
    }

    private interface After {
        @Nullable
        Object of(Method method, Object @Nullable [] arguments, @Nullable Object result);
    }

    private interface Before {
        void of(Method method, Object @Nullable [] arguments);
    }

    private static <T> T proxy(Class<T> type, T target, After after) {
        return proxy(type, target, after, (method, arguments) -> {});
    }

    private static <T> T proxy(Class<T> type, T target, After after, Before before) {
        InvocationHandler handler = (self, method, arguments) -> {
            before.of(method, arguments);
            try {
                return after.of(method, arguments, method.invoke(target, arguments));
            } catch (InvocationTargetException e) {
                throw e.getCause();
            }
        };
        return type.cast(Proxy.newProxyInstance(CapturedPlans.class.getClassLoader(), new Class<?>[] {type}, handler));
    }

    /**
     * Runs something and gives the plans of its queries.
     *
     * @param work asks through {@link #dataSource()}, which it is given
     * @return the plans
     */
    public List<Plan> during(Consumer<DataSource> work) {
        take();
        work.accept(dataSource());
        return take();
    }
}
