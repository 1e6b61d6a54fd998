package io.llmdb.identity;

import static io.llmdb.schema.jooq.Tables.TAG;

import io.llmdb.audit.AuditTrail;
import io.llmdb.common.Actor;
import io.llmdb.common.Page;
import io.llmdb.common.PageRequest;
import io.llmdb.error.AlreadyExistsException;
import io.llmdb.error.InvalidArgumentException;
import io.llmdb.error.NotFoundException;
import io.llmdb.internal.Arguments;
import io.llmdb.internal.Db;
import io.llmdb.internal.Json;
import io.llmdb.internal.Keyset;
import io.llmdb.schema.jooq.tables.records.TagRow;
import io.llmdb.windows.BudgetCalendar;
import java.time.Instant;
import java.util.List;
import java.util.Optional;
import java.util.function.UnaryOperator;
import org.jooq.Condition;
import org.jooq.JSONB;
import org.jooq.impl.DSL;

/**
 * Tags that have a row: with a budget, or with words about them.
 *
 * <p>Every change is one transaction, with its row in the audit log where that is kept. Safe for use by several
 * threads.
 */
public final class TagRepository {

    private final Context context;
    private final Store<TagRow> store;
    private final BudgetLinks links;

    /**
     * @param db the database
     * @param audit records changes
     * @param calendar says where budget windows begin
     */
    public TagRepository(Db db, AuditTrail audit, BudgetCalendar calendar) {
        this(Context.of(db, audit, calendar));
    }

    private TagRepository(Context context) {
        this.context = context;
        this.store = context.store(TAG, "tag");
        this.links = context.budgetLinks();
    }

    /**
     * @param actor who makes the changes
     * @return a repository on the same rows that acts for that one
     */
    public TagRepository as(Actor actor) {
        return new TagRepository(context.as(actor));
    }

    /**
     * Makes a tag.
     *
     * @param spec what to set
     * @param name the tag as calls carry it
     * @return what was made
     * @throws AlreadyExistsException where there is one with this name
     * @throws NotFoundException where the budget row does not exist
     * @throws InvalidArgumentException where the name is none
     */
    public Tag create(TagSpec spec, String name) {
        Arguments.id("tag_name", name);
        return context.db().transaction(tx -> {
            Instant now = store.now(tx);
            TagRow row = tx.dsl().newRecord(TAG);
            row.setTagName(name);
            apply(row, spec);
            // First, because a booking may be making the same row, and budget rows are locked last.
            store.claim(tx, row);
            links.link(tx, now, owner(name), null, row, spec.budgetId(), spec.ownBudget());
            return Rows.tag(store.fill(tx, row, now));
        });
    }

    /**
     * @param name its name
     * @return the tag, or empty
     */
    public Optional<Tag> find(String name) {
        return store.find(store.is(name), Rows::tag);
    }

    /**
     * @param name its name
     * @return the tag
     * @throws NotFoundException where there is none
     */
    public Tag require(String name) {
        return find(name).orElseThrow(() -> store.missing(name));
    }

    /**
     * @param name its name
     * @return whether there is such a tag
     */
    public boolean exists(String name) {
        return store.exists(store.is(name));
    }

    /**
     * Changes what an administrator sets.
     *
     * @param name its name
     * @param change makes the new values of those that hold, which are locked meanwhile; may be called more than once
     * @return the tag after the change
     * @throws NotFoundException where it or the budget row does not exist
     */
    public Tag update(String name, UnaryOperator<TagSpec> change) {
        return context.db().transaction(tx -> {
            TagRow before = store.lock(tx, name);
            Instant now = store.now(tx);
            TagSpec spec = change.apply(Rows.tagSpec(before));
            TagRow after = store.copy(before);
            apply(after, spec);
            links.link(tx, now, owner(name), before, after, spec.budgetId(), spec.ownBudget());
            TagRow written = store.update(tx, before, after, now);
            links.dropOwn(tx, now, owner(name), before.getBudgetId(), written.getBudgetId());
            return Rows.tag(written);
        });
    }

    /**
     * Deletes a tag with its own budget row. Calls may go on to carry it; what was spent under it stays in the logs and
     * daily totals.
     *
     * @param name its name
     * @throws NotFoundException where there is none
     */
    public void delete(String name) {
        context.db().transaction(tx -> {
            TagRow row = store.lockToDelete(tx, name);
            Instant now = store.now(tx);
            Leftovers.forget(tx, List.of(Leftovers.Gone.of("tag", List.of(name))));
            store.delete(tx, row, now);
            links.dropOwn(tx, now, owner(name), row.getBudgetId(), null);
            return name;
        });
    }

    /**
     * @param filter which ones, in which order
     * @param page which page
     * @return the page
     * @throws InvalidArgumentException where the page belongs to another order
     */
    public Page<Tag> list(TagFilter filter, PageRequest page) {
        Condition where = DSL.noCondition();
        if (filter.namePart() != null) {
            where = where.and(TAG.TAG_NAME.containsIgnoreCase(filter.namePart()));
        }
        if (filter.budgetId() != null) {
            where = where.and(TAG.BUDGET_ID.eq(filter.budgetId()));
        }
        Keyset order = switch (filter.order()) {
            case NAME -> Keyset.ascending("name", TAG.TAG_NAME);
            case NEWEST -> Keyset.descending("newest", TAG.CREATED_AT, TAG.TAG_NAME);
            case OLDEST -> Keyset.ascending("oldest", TAG.CREATED_AT, TAG.TAG_NAME);
            case MOST_SPENT -> Keyset.descending("most_spent", TAG.SPEND, TAG.TAG_NAME);
        };
        return store.list(where, order, page, Rows::tag);
    }

    private static String owner(String name) {
        return "tag:" + name;
    }

    private static void apply(TagRow row, TagSpec spec) {
        row.setDescription(spec.description());
        row.setModels(spec.models().toArray(new String[0]));
        row.setModelInfo(spec.modelInfo().isEmpty() ? null : JSONB.valueOf(Json.write(spec.modelInfo())));
    }
}
