package io.llmdb.keys;

import static io.llmdb.schema.jooq.Tables.VIRTUAL_KEY;

import io.llmdb.internal.BudgetColumns;
import io.llmdb.internal.Keyset;
import java.time.OffsetDateTime;
import org.jooq.Condition;
import org.jooq.Field;
import org.jooq.impl.DSL;

/** What a filter of keys means in SQL. */
final class KeyList {

    private KeyList() {}

    static Condition where(KeyFilter filter, Field<OffsetDateTime> now) {
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
        }
        if (filter.blocked() != null) {
            where = where.and(DSL.coalesce(VIRTUAL_KEY.BLOCKED, false).eq(filter.blocked()));
        }
        if (filter.expired() != null) {
            Condition expired = VIRTUAL_KEY.EXPIRES.lt(now);
            where = where.and(
                    filter.expired() ? expired : VIRTUAL_KEY.EXPIRES.isNull().or(DSL.not(expired)));
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
            case EXPIRES ->
                Keyset.ascending(
                        "expires",
                        DSL.field(VIRTUAL_KEY.EXPIRES.isNull()),
                        DSL.coalesce(VIRTUAL_KEY.EXPIRES, VIRTUAL_KEY.CREATED_AT),
                        VIRTUAL_KEY.TOKEN);
        };
    }
}
