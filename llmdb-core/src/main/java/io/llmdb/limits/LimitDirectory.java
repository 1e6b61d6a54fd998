package io.llmdb.limits;

import io.llmdb.identity.Budget;
import io.llmdb.identity.EndUser;
import io.llmdb.identity.Tag;
import org.jspecify.annotations.Nullable;

/**
 * Finds what a caller does not carry: end users and tags by the names that requests send. Answers from a cache that
 * changes reach within a second.
 */
public interface LimitDirectory {

    /**
     * @param id an end user's id
     * @return the end user, or null where nobody has made it known
     */
    @Nullable
    EndUser endUser(String id);

    /**
     * @param name a tag
     * @return the tag, or null where nobody has made it known
     */
    @Nullable
    Tag tag(String name);

    /**
     * @param id a budget row's id
     * @return the row, or null
     */
    @Nullable
    Budget budget(String id);
}
