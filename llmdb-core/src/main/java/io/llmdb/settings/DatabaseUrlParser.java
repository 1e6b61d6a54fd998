package io.llmdb.settings;

import java.net.URLDecoder;
import java.net.URLEncoder;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Properties;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.jspecify.annotations.Nullable;
import org.postgresql.Driver;

/** Reads database URLs as libpq, Prisma and the JDBC driver write them. */
final class DatabaseUrlParser {

    private static final Pattern FORM =
            Pattern.compile("(jdbc:)?postgres(?:ql)?://([^/?]*)(?:/([^?]*))?(?:\\?(.*))?", Pattern.DOTALL);

    private static final Pattern HOST =
            Pattern.compile("(\\[[0-9A-Fa-f:.]+(?:%[A-Za-z0-9_.-]+)?]|[A-Za-z0-9._-]*)(?::([0-9]{1,5}))?");

    private static final Pattern SECRET_PARAMETER = Pattern.compile("(?i)(password|passwd|pwd|secret|token)=[^&]*");

    private static final Pattern PARAMETER_NAME = Pattern.compile("[A-Za-z_0-9]{1,60}");

    private static final String EXAMPLE = "postgresql://user:password@host:5432/database";

    private static final String ENCODE_HINT =
            "; a character such as / @ : ? # % in a user name or password must be percent-encoded, / as %2F";

    private DatabaseUrlParser() {}

    static DatabaseUrl parse(String url) throws BadValue {
        Matcher form = FORM.matcher(url);
        if (!form.matches()) {
            throw new BadValue("must be like " + EXAMPLE + " or jdbc:" + EXAMPLE + wrongScheme(url));
        }
        boolean jdbc = form.group(1) != null;
        String authority = form.group(2);
        String user = null;
        String password = null;
        // The last one, so that an @ that was left as it is in a password does no harm.
        int at = authority.lastIndexOf('@');
        if (at >= 0) {
            String[] parts = authority.substring(0, at).split(":", 2);
            user = decode("user", parts[0], false);
            password = parts.length == 2 ? decode("password", parts[1], false) : null;
        }
        String path = form.group(3);
        if (path != null && path.contains("@")) {
            throw new BadValue("has an @ after the host: must be like " + EXAMPLE + ENCODE_HINT);
        }
        Map<String, String> parameters = parameters(form.group(4), jdbc);
        user = firstOf(user, take(parameters, "user"));
        password = firstOf(password, take(parameters, "password"));
        String hosts = hosts(authority.substring(at + 1), take(parameters, "host"), take(parameters, "port"));
        String database = firstOf(path == null ? null : decode("database", path, jdbc), take(parameters, "dbname"));
        if (database == null || database.contains("/")) {
            throw new BadValue("must name one database after the host, such as " + EXAMPLE + ENCODE_HINT);
        }
        List<String> notes = new ArrayList<>();
        Map<String, String> properties = UrlParameters.translate(parameters, notes);
        String jdbcUrl = "jdbc:postgresql://" + hosts + "/" + encode(database);
        if (Driver.parseURL(jdbcUrl, new Properties()) == null) {
            throw new BadValue("must be like " + EXAMPLE
                    + ": PostgreSQL's JDBC driver does not accept the host, port or database");
        }
        return new DatabaseUrl(jdbcUrl, user, password == null ? null : Secret.of(password), properties, notes);
    }

    /** A URL as it may be shown, even where it is none: rather too much is hidden than too little. */
    static String mask(String url) {
        int start = url.indexOf("://");
        start = start < 0 ? 0 : start + 3;
        int at = url.lastIndexOf('@');
        String masked;
        if (at >= start) {
            masked = url.substring(0, start) + Secret.MASK + url.substring(at);
        } else {
            // Without a host, what stands after a colon may be a password.
            masked = url.substring(0, start)
                    + url.substring(start).replaceFirst("(?s):(?![0-9]{1,5}([/?,].*)?$)[^?]*", ":" + Secret.MASK);
        }
        return SECRET_PARAMETER.matcher(masked).replaceAll("$1=" + Secret.MASK);
    }

    private static String wrongScheme(String url) {
        int end = url.indexOf("://");
        return end < 0 || end > 40 || url.startsWith("postgres") || url.startsWith("jdbc:postgres")
                ? ""
                : "; " + url.substring(0, end) + " is not PostgreSQL";
    }

    private static String hosts(String authority, @Nullable String host, @Nullable String port) throws BadValue {
        String given = authority;
        if (authority.isEmpty() && host != null) {
            if (host.startsWith("/") || host.startsWith("@")) {
                throw new BadValue(
                        "asks for a Unix-domain socket, which the JDBC driver does not speak: give a host and port");
            }
            given = port == null ? host : host + ":" + port;
        } else if (port != null && authority.isEmpty()) {
            given = "localhost:" + port;
        }
        List<String> hosts = new ArrayList<>();
        for (String one : given.split(",", -1)) {
            Matcher matcher = HOST.matcher(one);
            if (!matcher.matches()) {
                if (one.toLowerCase(Locale.ROOT).startsWith("%2f")) {
                    throw new BadValue(
                            "asks for a Unix-domain socket, which the JDBC driver does not speak: give a host and port");
                }
                throw new BadValue("has no usable host and port: must be like " + EXAMPLE + ENCODE_HINT);
            }
            String name = matcher.group(1).isEmpty() ? "localhost" : matcher.group(1);
            String number = matcher.group(2);
            if (number != null && (Integer.parseInt(number) < 1 || Integer.parseInt(number) > 65_535)) {
                throw new BadValue("has port " + number + ": must be from 1 to 65535");
            }
            hosts.add(number == null ? name : name + ":" + Integer.parseInt(number));
        }
        return String.join(",", hosts);
    }

    private static Map<String, String> parameters(@Nullable String query, boolean plusIsSpace) throws BadValue {
        Map<String, String> parameters = new LinkedHashMap<>();
        if (query == null || query.isEmpty()) {
            return parameters;
        }
        for (String pair : query.split("&")) {
            if (pair.isEmpty()) {
                continue;
            }
            String[] parts = pair.split("=", 2);
            String name = parts[0];
            // What is no name is not shown: it may be a piece of a password.
            if (parts.length == 1 || !PARAMETER_NAME.matcher(name).matches()) {
                throw new BadValue("has something after the question mark that is no name=value" + ENCODE_HINT);
            }
            String value = decode("parameter " + name, parts[1], plusIsSpace);
            String before = parameters.put(name, value == null ? "" : value);
            if (before != null && !before.equals(value)) {
                throw new BadValue("has parameter " + name + " twice");
            }
        }
        return parameters;
    }

    /** Empty means that it is not given, as in libpq. */
    private static @Nullable String decode(String what, String text, boolean plusIsSpace) throws BadValue {
        try {
            String decoded = URLDecoder.decode(plusIsSpace ? text : text.replace("+", "%2B"), StandardCharsets.UTF_8);
            if (decoded.indexOf('\0') >= 0) {
                throw new BadValue("has a zero byte (%00) in its " + what);
            }
            return decoded.isEmpty() ? null : decoded;
        } catch (IllegalArgumentException e) {
            throw new BadValue(
                    "has a % in its " + what + " that begins no percent-encoding: write the character % as %25");
        }
    }

    private static String encode(String text) {
        return URLEncoder.encode(text, StandardCharsets.UTF_8).replace("+", "%20");
    }

    private static @Nullable String take(Map<String, String> parameters, String name) {
        String value = parameters.remove(name);
        return value == null || value.isEmpty() ? null : value;
    }

    private static @Nullable String firstOf(@Nullable String first, @Nullable String second) {
        return first == null ? second : first;
    }
}
