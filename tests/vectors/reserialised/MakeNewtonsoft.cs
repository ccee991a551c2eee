// Prints what Newtonsoft.Json writes again, a JSON line for each:
// `mcs -out:make.exe -r:Newtonsoft.Json.dll MakeNewtonsoft.cs && mono make.exe < originals.json > newtonsoft.jsonl`.
// null is written where it reads or writes no JSON, or text that is not UTF-8.

using System;
using System.IO;
using System.Text;
using Newtonsoft.Json;
using Newtonsoft.Json.Linq;

public static class MakeNewtonsoft {
  public static void Main() {
    var utf8 = new UTF8Encoding(false, true);
    var settings = new JsonSerializerSettings { DateParseHandling = DateParseHandling.None };
    var output = new StreamWriter(Console.OpenStandardOutput(), utf8) { NewLine = "\n" };
    var originals = JArray.Parse(new StreamReader(Console.OpenStandardInput(), utf8).ReadToEnd());
    foreach (var formatting in new[] { Formatting.None, Formatting.Indented }) {
      foreach (var original in originals) {
        string text = null;
        try {
          var value = JsonConvert.DeserializeObject<JToken>((string)original["body"], settings);
          text = JsonConvert.SerializeObject(value, formatting);
          utf8.GetBytes(text);
        } catch (Exception) {
          text = null;
        }
        var line = new JObject();
        line["style"] = formatting == Formatting.None ? ".NET Newtonsoft.Json" : ".NET Newtonsoft.Json, indented";
        line["name"] = original["name"];
        line["text"] = text;
        output.WriteLine(line.ToString(Formatting.None));
      }
    }
    output.Flush();
  }
}
