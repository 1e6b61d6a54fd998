package io.llmdb.internal;

/** Plain SQL with the schema's name filled in, made once when its owner is made. */
public final class Sql {

    private final String quotedSchema;

    /** @param schema the schema's name, unquoted */
    public Sql(String schema) {
        this.quotedSchema = '"' + schema.replace("\"", "\"\"") + '"';
    }

    /**
     * Fills the schema in.
     *
     * @param text SQL in which {@code ${llmdb}} stands for the schema, as in the migrations
     * @return the SQL to run
     */
    public String of(String text) {
        return text.replace("${llmdb}", quotedSchema);
    }
}
