// Prints what Jackson and Gson write again, a JSON line for each:
// `java -cp "$CLASSPATH" MakeJava.java < originals.json > java.jsonl`, with jackson-{core,databind,annotations} and gson
// on the class path. null is written where they read or write no JSON.

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.google.gson.Gson;
import com.google.gson.GsonBuilder;
import com.google.gson.JsonElement;
import com.google.gson.JsonParser;
import java.io.PrintStream;
import java.nio.charset.StandardCharsets;
import java.util.LinkedHashMap;
import java.util.Map;

public class MakeJava {
  interface Writer {
    String write(String body) throws Exception;
  }

  public static void main(String[] arguments) throws Exception {
    ObjectMapper jackson = new ObjectMapper();
    Gson gson = new GsonBuilder().serializeNulls().create();
    Gson pretty = new GsonBuilder().serializeNulls().setPrettyPrinting().create();
    Gson plain = new GsonBuilder().serializeNulls().disableHtmlEscaping().create();
    Map<String, Writer> styles = new LinkedHashMap<>();
    // as bytes: that is how a body is sent
    styles.put("Java Jackson", body -> utf8(jackson.writeValueAsBytes(jackson.readTree(body))));
    styles.put(
        "Java Jackson, pretty",
        body -> utf8(jackson.writerWithDefaultPrettyPrinter().writeValueAsBytes(jackson.readTree(body))));
    styles.put("Java Gson, numbers as written", body -> gson.toJson(JsonParser.parseString(body)));
    styles.put("Java Gson, pretty, numbers as written", body -> pretty.toJson(JsonParser.parseString(body)));
    styles.put("Java Gson without HTML escapes, numbers as written", body -> plain.toJson(JsonParser.parseString(body)));

    PrintStream out = new PrintStream(System.out, true, StandardCharsets.UTF_8);
    JsonNode originals = jackson.readTree(System.in);
    for (Map.Entry<String, Writer> style : styles.entrySet()) {
      for (JsonNode original : originals) {
        Map<String, String> line = new LinkedHashMap<>();
        line.put("style", style.getKey());
        line.put("name", original.get("name").asText());
        String text = null;
        try {
          text = style.getValue().write(original.get("body").asText());
          if (!StandardCharsets.UTF_8.newEncoder().canEncode(text)) text = null;
        } catch (Exception error) {
          text = null;
        }
        line.put("text", text);
        out.print(jackson.writeValueAsString(line) + "\n");
      }
    }
  }

  static String utf8(byte[] bytes) {
    return new String(bytes, StandardCharsets.UTF_8);
  }
}
