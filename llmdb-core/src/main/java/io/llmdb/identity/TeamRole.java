package io.llmdb.identity;

/** What a member may do in a team. */
public enum TeamRole {
    /** Manages the team. */
    ADMIN("admin"),
    /** Uses the team's keys. */
    USER("user");

    private final String word;

    TeamRole(String word) {
        this.word = word;
    }

    /** @return the word in the database */
    public String word() {
        return word;
    }

    static TeamRole of(String word) {
        return word.equals(ADMIN.word) ? ADMIN : USER;
    }
}
