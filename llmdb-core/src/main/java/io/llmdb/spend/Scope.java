package io.llmdb.spend;

import java.util.Locale;

/** Whose spend a counter counts, in the order in which locks on counters are taken. */
public enum Scope {
    /** A virtual key; id: its hash. */
    KEY,
    /** A user. */
    USER,
    /** A team. */
    TEAM,
    /** A user within a team; id: the user, parent: the team. */
    TEAM_MEMBER,
    /** An organization. */
    ORGANIZATION,
    /** A user within an organization; id: the user, parent: the organization. */
    ORGANIZATION_MEMBER,
    /** An end user. */
    END_USER,
    /** A tag of requests. */
    TAG,
    /** The whole proxy; id: empty. */
    PROXY;

    private final String sqlName = name().toLowerCase(Locale.ROOT);

    /** @return the name in the tables' {@code scope} columns, such as {@code team_member} */
    public String sqlName() {
        return sqlName;
    }

    /**
     * @param sqlName a name in a {@code scope} column
     * @return its scope
     */
    public static Scope ofSqlName(String sqlName) {
        return valueOf(sqlName.toUpperCase(Locale.ROOT));
    }

    /** @return the words for it in a message, such as {@code team member} */
    public String words() {
        return sqlName.replace('_', ' ');
    }
}
