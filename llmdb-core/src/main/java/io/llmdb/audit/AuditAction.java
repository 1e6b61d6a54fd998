package io.llmdb.audit;

/** What was done to an object. */
public enum AuditAction {
    /** It was made. */
    CREATED("created"),
    /** Some of its values were changed. */
    UPDATED("updated"),
    /** It was deleted. */
    DELETED("deleted"),
    /** Its secret was replaced. */
    ROTATED("rotated"),
    /** It was blocked. */
    BLOCKED("blocked"),
    /** It was let in again. */
    UNBLOCKED("unblocked");

    private final String word;

    AuditAction(String word) {
        this.word = word;
    }

    /** @return the word in the database */
    public String word() {
        return word;
    }

    static AuditAction of(String word) {
        for (AuditAction action : values()) {
            if (action.word.equals(word)) {
                return action;
            }
        }
        throw new IllegalArgumentException(word);
    }
}
