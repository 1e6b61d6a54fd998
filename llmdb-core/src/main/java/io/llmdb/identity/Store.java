package io.llmdb.identity;

import io.llmdb.audit.AuditAction;
import io.llmdb.audit.AuditTrail;
import io.llmdb.common.Actor;
import io.llmdb.common.Page;
import io.llmdb.common.PageRequest;
import io.llmdb.error.NotFoundException;
import io.llmdb.internal.BudgetColumns;
import io.llmdb.internal.Db;
import io.llmdb.internal.Keyset;
import io.llmdb.internal.Tx;
import java.sql.PreparedStatement;
import java.sql.ResultSet;
import java.sql.SQLException;
import java.time.Instant;
import java.time.OffsetDateTime;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Optional;
import java.util.function.Function;
import org.jooq.Condition;
import org.jooq.Field;
import org.jooq.Record;
import org.jooq.Result;
import org.jooq.SortField;
import org.jooq.Table;
import org.jooq.TableField;
import org.jooq.UpdatableRecord;
import org.jooq.exception.DataAccessException;
import org.jooq.impl.DSL;
import org.jspecify.annotations.Nullable;

/**
 * Rows of one table: reads and locks them, and writes each change together with its stamps and its row in the audit
 * log.
 *
 * <p>Not API: public for the repositories of other packages. Safe for use by several threads.
 *
 * @param <R> the rows
 */
public final class Store<R extends UpdatableRecord<R>> {

    private static final String NOW_FIELD = "${llmdb}.llmdb_now()";
    private static final String NOW = "SELECT " + NOW_FIELD;

    /** Rows of one DELETE; a bigger cascade takes several. */
    private static final int ROWS_PER_STATEMENT = 1000;

    private final Db db;
    private final AuditTrail audit;
    private final Actor actor;
    private final Table<R> table;
    private final String noun;
    private final List<TableField<R, ?>> key;
    private final String now;

    /**
     * @param db the database
     * @param audit records changes
     * @param actor who makes them
     * @param table the table
     * @param noun the word for one of its objects in messages
     */
    public Store(Db db, AuditTrail audit, Actor actor, Table<R> table, String noun) {
        this.db = db;
        this.audit = audit;
        this.actor = Objects.requireNonNull(actor, "actor");
        this.table = table;
        this.noun = noun;
        this.key = Objects.requireNonNull(table.getPrimaryKey(), "primary key").getFields();
        this.now = db.sql().of(NOW);
    }

    /**
     * @param other who makes the changes
     * @return the same rows, changed by that one
     */
    public Store<R> as(Actor other) {
        return new Store<>(db, audit, other, table, noun);
    }

    /** @return who makes the changes */
    public Actor actor() {
        return actor;
    }

    /**
     * The database's time. Asked for after the locks are taken, so that the times of changes to one object are in their
     * order.
     *
     * @param tx the transaction
     * @return the present
     * @throws SQLException where the database does not answer
     */
    public Instant now(Tx tx) throws SQLException {
        try (PreparedStatement statement = tx.connection().prepareStatement(now);
                ResultSet rows = statement.executeQuery()) {
            rows.next();
            return rows.getObject(1, OffsetDateTime.class).toInstant();
        }
    }

    /** The database's time, within a query. */
    Field<OffsetDateTime> nowField() {
        return DSL.field(db.sql().of(NOW_FIELD), OffsetDateTime.class);
    }

    /**
     * @param id the values of the table's key
     * @return meets the object with that key
     */
    public Condition is(String... id) {
        Condition condition = DSL.noCondition();
        for (int i = 0; i < id.length; i++) {
            condition = condition.and(textKey(i).eq(id[i]));
        }
        return condition;
    }

    /**
     * @param where meets one row at most
     * @param read makes the object of the row
     * @param <X> objects
     * @return the object, or empty
     */
    public <X> Optional<X> find(Condition where, Function<R, X> read) {
        return db.single(tx -> Optional.ofNullable(
                        tx.dsl().selectFrom(table).where(where).fetchOne())
                .map(read));
    }

    /**
     * @param where which rows
     * @return whether there is one
     */
    public boolean exists(Condition where) {
        return db.single(tx -> tx.dsl().fetchExists(table, where));
    }

    /**
     * @param where which rows
     * @param order in which order
     * @param page which page
     * @param read makes objects of rows
     * @param <X> objects
     * @return the page
     */
    public <X> Page<X> list(Condition where, Keyset order, PageRequest page, Function<R, X> read) {
        return db.single(tx -> order.page(tx.dsl(), table, where, page, read));
    }

    /**
     * Locks one row against changes; other rows may go on to point at it.
     *
     * @param tx the transaction
     * @param id the values of its key
     * @return the row
     * @throws NotFoundException where there is none
     */
    public R lock(Tx tx, String... id) {
        return tx.dsl()
                .selectFrom(table)
                .where(is(id))
                .forNoKeyUpdate()
                .fetchOptional()
                .orElseThrow(() -> missing(id));
    }

    /**
     * Locks one row against changes and against new rows that point at it.
     *
     * @param tx the transaction
     * @param id the values of its key
     * @return the row
     * @throws NotFoundException where there is none
     */
    public R lockToDelete(Tx tx, String... id) {
        return tx.dsl()
                .selectFrom(table)
                .where(is(id))
                .forUpdate()
                .fetchOptional()
                .orElseThrow(() -> missing(id));
    }

    /**
     * Locks rows against changes, in byte order of their keys, as booking does.
     *
     * @param tx the transaction
     * @param where which rows
     * @return the rows
     */
    public Result<R> lockAll(Tx tx, Condition where) {
        return tx.dsl()
                .selectFrom(table)
                .where(where)
                .orderBy(byteOrder())
                .forNoKeyUpdate()
                .fetch();
    }

    /** Locks rows against changes and against new rows that point at them, in byte order of their keys. */
    Result<R> lockAllToDelete(Tx tx, Condition where) {
        return tx.dsl()
                .selectFrom(table)
                .where(where)
                .orderBy(byteOrder())
                .forUpdate()
                .fetch();
    }

    /**
     * The row before a change that is about to be written by a statement of its own; null where nobody records it, or
     * there is none.
     */
    @Nullable
    R findForAudit(Tx tx, String... id) {
        return audit.isOn()
                ? tx.dsl().selectFrom(table).where(is(id)).forNoKeyUpdate().fetchOne()
                : null;
    }

    /**
     * @param row a row
     * @return a copy to edit
     */
    public R copy(R row) {
        return row.into(table);
    }

    /**
     * @param tx the transaction
     * @param row a new row; gets its stamps here
     * @param at the present
     * @return the row as it was written
     */
    public R insert(Tx tx, R row, Instant at) {
        stamp(row, "created", at);
        stamp(row, "updated", at);
        R written;
        try {
            written = tx.dsl().insertInto(table).set(row).returning().fetchSingle();
        } catch (DataAccessException e) {
            throw Refusals.ofWrite(e, noun, table, row);
        }
        record(tx, at, AuditAction.CREATED, null, written);
        return written;
    }

    /**
     * Makes a row that has nothing but its key, to be {@linkplain #fill filled} in the same transaction. Waits for
     * whoever is making the same row.
     *
     * @throws io.llmdb.error.AlreadyExistsException where there is one
     */
    void claim(Tx tx, R row) {
        R bare = tx.dsl().newRecord(table);
        for (TableField<R, ?> field : key) {
            copy(row, bare, field);
        }
        int made;
        try {
            made = tx.dsl().insertInto(table).set(bare).onConflictDoNothing().execute();
        } catch (DataAccessException e) {
            throw Refusals.ofWrite(e, noun, table, row);
        }
        if (made == 0) {
            throw Refusals.taken(noun, table, row);
        }
    }

    private static <T> void copy(Record from, Record to, Field<T> field) {
        to.set(field, from.get(field));
    }

    /** Writes all else of a claimed row, and records that it was made. */
    R fill(Tx tx, R row, Instant at) {
        stamp(row, "created", at);
        stamp(row, "updated", at);
        R written;
        try {
            written = tx.dsl()
                    .update(table)
                    .set(RowChanges.set(row, key))
                    .where(is(keyOf(row)))
                    .returning()
                    .fetchSingle();
        } catch (DataAccessException e) {
            throw Refusals.ofWrite(e, noun, table, row);
        }
        record(tx, at, AuditAction.CREATED, null, written);
        return written;
    }

    /** Keeps a row, if there is one, from being deleted; changes to it go on. */
    void keep(Tx tx, String... id) {
        tx.dsl().select(key.get(0)).from(table).where(is(id)).forKeyShare().fetch();
    }

    /** Writes new rows that all set the same columns, in one statement. */
    List<R> insertAll(Tx tx, List<R> rows, Instant at) {
        for (R row : rows) {
            stamp(row, "created", at);
            stamp(row, "updated", at);
        }
        List<R> written;
        try {
            written = tx.dsl().insertInto(table).set(rows).returning().fetch();
        } catch (DataAccessException e) {
            throw Refusals.ofWrite(e, noun, table, rows.get(0));
        }
        if (audit.isOn()) {
            audit.record(
                    tx,
                    actor,
                    at,
                    written.stream()
                            .map(row -> change(AuditAction.CREATED, null, row))
                            .toList());
        }
        return written;
    }

    /**
     * Writes the values that differ, if any.
     *
     * @param tx the transaction
     * @param before the locked row
     * @param after an edited copy; gets its stamps here
     * @param at the present
     * @return the row as it was written
     */
    public R update(Tx tx, R before, R after, Instant at) {
        Map<Field<?>, Object> changes = RowChanges.between(before, after);
        if (changes.isEmpty()) {
            return before;
        }
        AuditAction action = AuditAction.UPDATED;
        Field<?> blocked = table.field("blocked");
        if (blocked != null && changes.containsKey(blocked)) {
            action = Boolean.TRUE.equals(after.get(blocked)) ? AuditAction.BLOCKED : AuditAction.UNBLOCKED;
        }
        stamp(after, "updated", at);
        R written;
        try {
            written = tx.dsl()
                    .update(table)
                    .set(RowChanges.between(before, after))
                    .where(is(keyOf(before)))
                    .returning()
                    .fetchSingle();
        } catch (DataAccessException e) {
            throw Refusals.ofWrite(e, noun, table, after);
        }
        record(tx, at, action, before, written);
        return written;
    }

    void delete(Tx tx, R row, Instant at) {
        deleteAll(tx, List.of(row), at);
    }

    void deleteAll(Tx tx, List<R> rows, Instant at) {
        for (int from = 0; from < rows.size(); from += ROWS_PER_STATEMENT) {
            List<R> chunk = rows.subList(from, Math.min(rows.size(), from + ROWS_PER_STATEMENT));
            try {
                tx.dsl().deleteFrom(table).where(anyOf(chunk)).execute();
            } catch (DataAccessException e) {
                throw Refusals.ofDelete(e, noun, keyOf(chunk.get(0)));
            }
        }
        if (audit.isOn()) {
            audit.record(
                    tx,
                    actor,
                    at,
                    rows.stream()
                            .map(row -> change(AuditAction.DELETED, row, null))
                            .toList());
        }
    }

    /**
     * @param id the values of a key
     * @return says that there is no such object
     */
    public NotFoundException missing(String... id) {
        return Refusals.missing(noun, key.stream().map(Field::getName).toList(), List.of(id));
    }

    /**
     * Records a change that was written elsewhere.
     *
     * @param tx the transaction
     * @param at the present
     * @param action what was done
     * @param before the row before; null where there was none
     * @param after the row after; null where there is none
     */
    public void record(Tx tx, Instant at, AuditAction action, @Nullable R before, @Nullable R after) {
        if (audit.isOn()) {
            audit.record(tx, actor, at, change(action, before, after));
        }
    }

    private AuditTrail.Change change(AuditAction action, @Nullable R before, @Nullable R after) {
        R any = Objects.requireNonNull(after == null ? before : after, "a row");
        return new AuditTrail.Change(action, table, AuditTrail.objectId(keyOf(any)), before, after);
    }

    private String[] keyOf(R row) {
        return key.stream().map(field -> String.valueOf(row.get(field))).toArray(String[]::new);
    }

    private Condition anyOf(List<R> rows) {
        if (key.size() == 1) {
            String[] ids = rows.stream().map(row -> keyOf(row)[0]).toArray(String[]::new);
            return textKey(0).eq(DSL.any(ids));
        }
        return DSL.row(textKey(0), textKey(1))
                .in(rows.stream()
                        .map(row -> DSL.row(keyOf(row)[0], keyOf(row)[1]))
                        .toList());
    }

    private List<SortField<?>> byteOrder() {
        List<SortField<?>> order = new ArrayList<>();
        for (int i = 0; i < key.size(); i++) {
            order.add(textKey(i).collate("C").asc());
        }
        return order;
    }

    private Field<String> textKey(int index) {
        return key.get(index).coerce(String.class);
    }

    private void stamp(Record row, String what, Instant at) {
        Field<OffsetDateTime> time = table.field(what + "_at", OffsetDateTime.class);
        if (time != null) {
            row.set(time, BudgetColumns.time(at));
        }
        Field<String> by = table.field(what + "_by", String.class);
        if (by != null) {
            row.set(by, actor.id());
        }
    }
}
