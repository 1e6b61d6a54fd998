package io.llmdb.keys;

import static io.llmdb.schema.jooq.Tables.VIRTUAL_KEY;

import io.llmdb.internal.BudgetColumns;
import io.llmdb.internal.Keyset;
import io.llmdb.internal.Sql;
import java.time.Instant;
import java.time.OffsetDateTime;
import java.time.ZoneOffset;
import org.jooq.Condition;
import org.jooq.Field;
import org.jooq.impl.DSL;

/**
 * What a filter of keys means in SQL. Conditions and orders have the very expressions that the indexes of V60 have, so
 * that these answer them.
 */
final class KeyList {

    /** A shorter part has no pieces to look for; but so many aliases contain it that a page is soon full. */
    private static final int PIECE = 3;

    /** Stands for "never" where keys are ordered by their end. */
    private static final OffsetDateTime NEVER = OffsetDateTime.of(9999, 12, 31, 0, 0, 0, 0, ZoneOffset.UTC);

    private static final Field<OffsetDateTime> END =
            DSL.coalesce(VIRTUAL_KEY.EXPIRES, DSL.inline(NEVER, VIRTUAL_KEY.EXPIRES.getDataType()));

    private KeyList() {}

    /** @param now the present, as a value, so that the planner can tell how many keys have expired */
    static Condition where(KeyFilter filter, Sql sql, Instant now) {
        Condition where = DSL.noCondition();
        if (filter.userId() != null) {
            where = where.and(VIRTUAL_KEY.USER_ID.eq(filter.userId()));
        }
        if (filter.teamId() != null) {
            where = where.and(VIRTUAL_KEY.TEAM_ID.eq(filter.teamId()));
        }
        if (filter.organizationId() != null) {
            where = where.and(VIRTUAL_KEY.ORGANIZATION_ID.eq(filter.organizationId()));
        }
        if (filter.aliasPart() != null) {
            where = where.and(VIRTUAL_KEY.KEY_ALIAS.containsIgnoreCase(filter.aliasPart()));
            if (filter.aliasPart().length() >= PIECE) {
                where = where.and(DSL.condition(
                        "{0} @> {1}", pieces(sql, VIRTUAL_KEY.KEY_ALIAS), pieces(sql, DSL.val(filter.aliasPart()))));
            }
        }
        if (filter.blocked() != null) {
            where = where.and(DSL.condition(filter.blocked() ? "{0} IS TRUE" : "{0} IS NOT TRUE", VIRTUAL_KEY.BLOCKED));
        }
        if (filter.expired() != null) {
            OffsetDateTime present = BudgetColumns.time(now);
            where = where.and(filter.expired() ? END.lt(present) : END.ge(present));
        }
        if (filter.createdFrom() != null) {
            where = where.and(VIRTUAL_KEY.CREATED_AT.ge(BudgetColumns.time(filter.createdFrom())));
        }
        if (filter.createdBefore() != null) {
            where = where.and(VIRTUAL_KEY.CREATED_AT.lt(BudgetColumns.time(filter.createdBefore())));
        }
        return where;
    }

    static Keyset order(KeyFilter.Order order) {
        return switch (order) {
            case NEWEST -> Keyset.descending("newest", VIRTUAL_KEY.CREATED_AT, VIRTUAL_KEY.TOKEN);
            case OLDEST -> Keyset.ascending("oldest", VIRTUAL_KEY.CREATED_AT, VIRTUAL_KEY.TOKEN);
            case ALIAS ->
                Keyset.ascending(
                        "alias",
                        DSL.field(VIRTUAL_KEY.KEY_ALIAS.isNull()),
                        DSL.coalesce(VIRTUAL_KEY.KEY_ALIAS, DSL.inline("")),
                        VIRTUAL_KEY.TOKEN);
            case MOST_SPENT -> Keyset.descending("most_spent", VIRTUAL_KEY.SPEND, VIRTUAL_KEY.TOKEN);
            case EXPIRES -> Keyset.ascending("expires", END, VIRTUAL_KEY.TOKEN);
        };
    }

    private static Field<String[]> pieces(Sql sql, Field<String> text) {
        return DSL.field(sql.of("${llmdb}.llmdb_pieces({0})"), String[].class, text);
    }
}
