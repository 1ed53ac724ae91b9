//! What inputs and outputs are called on every page: by the names that the user gave them, where
//! there are such.

use super::Streaming;

impl Streaming {
    /// What an input is called: the name of its stream, if the user named it, with that of its
    /// receiver.
    pub(crate) fn input_name(&self, id: usize) -> String {
        let told = self.inputs.get(&id).map(|input| input.name.as_str());
        let told = told.filter(|name| !name.is_empty());
        match (self.named(id), told) {
            (Some(named), Some(told)) if named != told => format!("{named} ({told})"),
            (Some(name), _) | (None, Some(name)) => name.to_owned(),
            (None, None) => format!("Input {id}"),
        }
    }

    /// The user's name of an input's stream.
    fn named(&self, id: usize) -> Option<&str> {
        let graph = &self.graph;
        let input = graph.inputs.iter().find(|input| input.id == Some(id))?;
        let mut streams = graph.streams.iter();
        let stream = streams.find(|stream| stream.id == input.stream)?;
        stream.name.as_deref()
    }

    /// What the sink of an output is called, or else its stream, if they are called anything.
    pub(crate) fn output_name(&self, output: usize) -> Option<&str> {
        let mut outputs = self.graph.outputs.iter();
        outputs.find(|known| known.id == output)?.name.as_deref()
    }
}

#[cfg(test)]
mod tests {
    use crate::testing::history;

    #[test]
    fn what_the_user_calls_it_comes_first() {
        let mut model = history::model();
        let streaming = model.streaming.as_mut().unwrap();
        assert_eq!(streaming.input_name(0), "SocketReceiver-0");
        streaming.graph.streams[0].name = Some("web".to_owned());
        assert_eq!(streaming.input_name(0), "web (SocketReceiver-0)");
        streaming.inputs.entry(0).or_default().name = "web".to_owned();
        assert_eq!(streaming.input_name(0), "web");
        assert_eq!(streaming.input_name(9), "Input 9");
        assert_eq!(streaming.output_name(1), None);
        streaming.graph.outputs[1].name = Some("orders".to_owned());
        assert_eq!(streaming.output_name(1), Some("orders"));
    }
}
